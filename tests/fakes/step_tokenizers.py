"""Small real tokenizers of the kinds that models have, by how they write a blank line."""

from __future__ import annotations

import json
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

CORPUS = [
    "Add the numbers: 3 + 4 = 7.\nSo it is 7.",
    "Then double it é — 🙂 and stop.\r\n## Step 2: the answer\n",
    "<think> so </think> naïve ∑ 你好",
] * 4
BREAK = "\n"


def byte_level(*, merged: bool) -> Tokenizer:
    """Byte-level BPE; `merged` (Qwen2, Llama-3) has tokens of several line breaks, GPT-2 none."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(r"\s*[\r\n]+|[^\s]+|[ \t]+"), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    corpus = [text.replace("\n", ".\n\n" if merged else "\n") for text in CORPUS]
    trainer = trainers.BpeTrainer(
        vocab_size=400, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator(corpus, trainer)
    tokenizer.add_special_tokens([AddedToken("<end>", special=True)])
    return tokenizer


def byte_fallback() -> Tokenizer:
    """SentencePiece with bytes for what it has no piece for (Llama-2): a line break is `<0x0A>`."""
    pieces = ["<unk>", "<end>", *(f"<0x{byte:02X}>" for byte in range(256))]
    pieces += ["▁", *"abdehinopstuw.:#0123456789+=", "é", "▁a", "▁t", "he", "▁the", "▁3"]
    merges = [("▁", "a"), ("▁", "t"), ("h", "e"), ("▁t", "he"), ("▁", "3")]
    vocabulary = {piece: token for token, piece in enumerate(pieces)}
    model = models.BPE(vocabulary, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True)
    tokenizer = Tokenizer(model)
    normalizers = [
        {"type": "Prepend", "prepend": "▁"},
        {"type": "Replace", "pattern": {"String": " "}, "content": "▁"},
    ]
    content = json.loads(tokenizer.to_str())
    content["normalizer"] = {"type": "Sequence", "normalizers": normalizers}
    tokenizer = Tokenizer.from_str(json.dumps(content))
    tokenizer.decoder = decoders.Sequence(
        [
            decoders.Replace("▁", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(content=" ", left=1, right=0),
        ]
    )
    return tokenizer


def words(*, merged: bool) -> Tokenizer:
    """One token a letter and one a line break; `merged` has one for two line breaks too."""
    spelled = ["<end>", *"abcdefghijklmnopqrstuvwxyzA0123456789: .#\t\r", BREAK]
    spelled += [2 * BREAK] if merged else []
    vocabulary = {word: token for token, word in enumerate(spelled)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<end>"))
    cut = r"\n\n|[\s\S]" if merged else r"[\s\S]"
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(cut), behavior="isolated")
    tokenizer.decoder = decoders.Fuse()
    return tokenizer


def spaced() -> Tokenizer:
    """Words without a decoder: the library joins them with spaces."""
    vocabulary = {word: token for token, word in enumerate(["<end>", "one", "two", BREAK, "."])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<end>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"\n|\.| "), behavior="removed")
    return tokenizer


TOKENIZERS = {
    "byte-level, breaks merged": byte_level(merged=True),
    "byte-level, breaks alone": byte_level(merged=False),
    "byte fallback": byte_fallback(),
    "words, breaks merged": words(merged=True),
    "words, breaks alone": words(merged=False),
    "words without a decoder": spaced(),
}


def save(tokenizer: Tokenizer, folder: Path) -> Path:
    """A folder with the tokenizer and a config that names its end."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    described = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<end>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(described))
    return folder
