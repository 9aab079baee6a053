"""Blocks of 16 tokens in vLLM's prefix cache on CPU: a step computes less of its prefix again.

The cache keeps whole blocks, and a step of a search is a new sequence: what is behind the last
block of its prefix is computed again. vLLM's kernels for x86 take blocks of 16, its CPU backend
asks for 32. `infra/bench/search_pace.py` has what it is worth.
"""

from __future__ import annotations

from typing import Any

from vllm.v1.attention.backend import MultipleOf
from vllm.v1.attention.backends.cpu_attn import CPUAttentionBackend

from tasks.engines.vllm_process import SMALL_BLOCK


class SmallBlocks(CPUAttentionBackend):
    """The CPU backend, which takes what its kernels take."""

    @staticmethod
    def get_supported_kernel_block_sizes(kv_cache_spec: Any = None) -> list[int | MultipleOf]:
        """Multiples of 16 tokens."""
        del kv_cache_spec
        return [MultipleOf(SMALL_BLOCK)]
