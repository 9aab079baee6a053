"""Tiny random checkpoints of the public verifiers' architectures, with tokenizers like theirs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    trainers,
)
from torch import Tensor, nn
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    LlamaForSequenceClassification,
    MistralConfig,
    MistralForCausalLM,
    PreTrainedModel,
    Qwen2Config,
    Qwen2Model,
)

QUESTION = "What is {3 + 4} times 2?"
STEPS = (
    "Add: 3 + 4 = 7.\n\n",
    "Then double it.\nSo 7 times 2\n\n",
    "## Step 3: the answer\n\n",
    "is \\boxed{14}.",
)
CORPUS = [
    QUESTION,
    *STEPS,
    "Please reason step by step, and put your final answer within",
    " ки\n + - + - ки",
] * 4

QWEN_CHAT = (
    "{% for m in messages %}"
    "{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
LLAMA_CHAT = (
    "{{ '<|begin_of_text|>' }}{% if messages[0].role != 'system' %}"
    "{{ '<|start_header_id|>system<|end_header_id|>\n\n"
    "Today Date: ' + date_string + '\n\n<|eot_id|>' }}{% endif %}"
    "{% for m in messages %}"
    "{{ '<|start_header_id|>' + m.role + '<|end_header_id|>\n\n' + m.content | trim"
    " + '<|eot_id|>' }}{% endfor %}"
    "{% if add_generation_prompt %}"
    "{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}"
    "{% endif %}"
)
QWEN_TOKENS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<extra_0>")
LLAMA_TOKENS = ("<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>")
WORDS = r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"


def byte_tokenizer(special: tuple[str, ...]) -> Tokenizer:
    """Byte-level BPE as of Qwen2 and Llama-3: line breaks merge with punctuation before them."""
    tokenizer = Tokenizer(models.BPE())
    split = pre_tokenizers.Split(Regex(WORDS), behavior="isolated")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=420, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    tokenizer.add_special_tokens([AddedToken(text, special=True) for text in special])
    return tokenizer


def piece_tokenizer() -> Tokenizer:
    """BPE on pieces as of Mistral 0.1: `▁` before a text and for every space."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True))
    marked = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.normalizer = marked
    words = [
        pre_tokenizers.Split("\n", behavior="isolated"),
        pre_tokenizers.Split("▁", behavior="merged_with_next"),
    ]
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(words)  # while it learns
    trainer = trainers.BpeTrainer(vocab_size=200, special_tokens=["<unk>", "<s>", "</s>"])
    tokenizer.train_from_iterator(CORPUS, trainer)
    bare = json.loads(tokenizer.to_str()) | {"pre_tokenizer": None}
    return Tokenizer.from_str(json.dumps(bare))


class ValueHead(nn.Module):
    """trl's: one linear layer `summary` on every position."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.summary = nn.Linear(width, 1)

    def forward(self, hidden: Tensor) -> Tensor:
        return self.summary(hidden)


class HeadedQwen(nn.Module):
    """A Qwen2 body with a head on every position, under the names of the public checkpoints."""

    def __init__(self, config: Qwen2Config, name: str, head: nn.Module) -> None:
        super().__init__()
        self.config = config
        self.model = Qwen2Model(config)
        self.name = name
        self.add_module(name, head)

    def forward(self, input_ids: Tensor) -> Tensor:
        hidden = self.model(input_ids=input_ids, use_cache=False).last_hidden_state
        head = self.get_submodule(self.name)
        return head(hidden.to(next(head.parameters()).dtype))


def qwen_prm(folder: Path) -> HeadedQwen:
    """Qwen2ForProcessRewardModel: two labels."""
    config = Qwen2Config(**_sizes(420 + len(QWEN_TOKENS)))
    head = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2))
    model = _lively(HeadedQwen(config, "score", head))
    _save(folder, model, byte_tokenizer(QWEN_TOKENS), architecture="Qwen2ForProcessRewardModel")
    _describe(folder, eos="<|im_end|>", chat=QWEN_CHAT)
    return model


def skywork_prm(folder: Path) -> HeadedQwen:
    """Qwen2ForPrmModel: a value head."""
    config = Qwen2Config(**_sizes(420 + len(QWEN_TOKENS)))
    model = _lively(HeadedQwen(config, "v_head", ValueHead(64)))
    _save(folder, model, byte_tokenizer(QWEN_TOKENS), architecture="Qwen2ForPrmModel")
    _describe(folder, bos="<|endoftext|>", eos="<|im_end|>", chat=QWEN_CHAT)
    return model


def math_shepherd(folder: Path) -> PreTrainedModel:
    """MistralForCausalLM."""
    tokenizer = piece_tokenizer()
    model = _lively(MistralForCausalLM(MistralConfig(**_sizes(tokenizer.get_vocab_size()))))
    _save(folder, model, tokenizer, architecture="MistralForCausalLM")
    _describe(folder, bos="<s>", eos="</s>")
    return model


def rlhflow(folder: Path) -> PreTrainedModel:
    """LlamaForCausalLM with a chat template."""
    model = _lively(LlamaForCausalLM(LlamaConfig(**_sizes(420 + len(LLAMA_TOKENS)))))
    _save(folder, model, byte_tokenizer(LLAMA_TOKENS), architecture="LlamaForCausalLM")
    _describe(folder, bos="<|begin_of_text|>", eos="<|eot_id|>", chat=LLAMA_CHAT)
    return model


def sequence_orm(folder: Path) -> PreTrainedModel:
    """LlamaForSequenceClassification with one output."""
    config = LlamaConfig(**_sizes(420 + len(LLAMA_TOKENS)), num_labels=1)
    model = _lively(LlamaForSequenceClassification(config))
    _save(
        folder, model, byte_tokenizer(LLAMA_TOKENS), architecture="LlamaForSequenceClassification"
    )
    _describe(folder, bos="<|begin_of_text|>", eos="<|eot_id|>", chat=LLAMA_CHAT)
    return model


def _sizes(vocabulary: int) -> dict[str, object]:
    return {
        "vocab_size": vocabulary,
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "head_dim": 32,
        "max_position_embeddings": 512,
        "tie_word_embeddings": False,
        "sliding_window": None,
        "pad_token_id": 0,
        "bos_token_id": None,
        "eos_token_id": 1,
    }


def _lively(model: Any) -> Any:
    """The model with weights so large that scores differ from one place to the next.

    The last layer is kept small: a logit above 1/4 is rounded by more than 1e-3 in bfloat16.
    """
    drawn = torch.Generator().manual_seed(0)
    matrices = {name: value for name, value in model.named_parameters() if value.ndim == 2}
    for name, value in matrices.items():
        last = name.startswith(("lm_head", "v_head", "score")) and not name.startswith("score.0")
        value.detach().normal_(0, 0.02 if last else 0.12, generator=drawn)
    return model.eval().requires_grad_(False)


def _save(folder: Path, model: nn.Module, tokenizer: Tokenizer, *, architecture: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    settings = model.config.to_dict() | {"architectures": [architecture], "dtype": "float32"}
    (folder / "config.json").write_text(json.dumps(settings))
    weights = {name: value.detach().contiguous() for name, value in model.state_dict().items()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    tokenizer.save(str(folder / "tokenizer.json"))


def _describe(folder: Path, *, eos: str, bos: str | None = None, chat: str | None = None) -> None:
    said = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": bos,
        "eos_token": eos,
        "chat_template": chat,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps({k: v for k, v in said.items() if v}))


MAKERS = {
    "qwen-math-prm": qwen_prm,
    "skywork-prm": skywork_prm,
    "math-shepherd": math_shepherd,
    "rlhflow": rlhflow,
    "sequence-orm": sequence_orm,
    "likelihood": rlhflow,
}
"""By verifier format, what writes a tiny checkpoint of it into a folder."""
