"""Templates that take too much: ended where they are, and the next dialogue is written."""

from __future__ import annotations

import os
import resource
import threading
from datetime import date
from typing import Any

import psutil
import pytest

from tasks.models import template_process
from tasks.models.template_process import ConfinedTemplate, TemplateFailure

TODAY = date(2026, 1, 1)
HOSTILE = {
    "a format": '{{ "%1000000000d" % 1 }}',
    "a filter": '{{ "x"|center(2000000000) }}',
    "a method": '{{ ("a" * 1000000).replace("a", "a" * 1000000)|length }}',
    "an option of a filter": "{{ [1]|batch(2000000000, 'x')|list|length }}",
    "lists of lists": (
        "{% set ns = namespace(a=['x']) %}{% for i in range(60) %}"
        "{% set ns.a = [ns.a, ns.a] %}{% endfor %}{{ ns.a == 1 or ns.a|string|length }}"
    ),
}


def said(words: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": words}]


def written(template: ConfinedTemplate, words: str) -> str:
    return template.render(said(words), opens=True, options={})


def template_of(hostile: str = "") -> ConfinedTemplate:
    """One that is hostile where the user says so, and at no trial before."""
    words = "messages[0].content"
    source = f"{{% if 'now' in {words} %}}{hostile}{{% endif %}}{{{{ {words} }}}}"
    return ConfinedTemplate(source, today=TODAY, tokens={})


def children() -> set[int]:
    return {child.pid for child in psutil.Process().children()}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_template_that_takes_too_much_is_a_sentence_and_no_memory(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(template_process, "SECONDS", 1)
    monkeypatch.setattr(template_process, "MEGABYTES", 256)
    template = template_of(HOSTILE[name])
    assert written(template, "later") == "later"
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(TemplateFailure, match="more than"):
        written(template, "now")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000
    assert written(template, "later") == "later"


def test_seconds_are_those_of_one_dialogue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(template_process, "SECONDS", 1)
    loops = "{% for i in range(400) %}{% for j in range(400) %}{% endfor %}{% endfor %}"
    others = children()
    template = template_of(loops)
    assert written(template, "later") == "later"
    (own,) = children() - others
    while sum(psutil.Process(own).cpu_times()[:2]) < 2:
        assert written(template, "now") == "now"


def test_a_fork_and_other_threads_get_their_own_words() -> None:
    template = template_of()
    assert written(template, "first") == "first"
    child = os.fork()
    if child == 0:
        os._exit(0 if written(template, "fork") == "fork" else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert written(template, "parent") == "parent"
    got: dict[str, str] = {}

    def write(words: str) -> None:
        got[words] = written(template, words)

    threads = [threading.Thread(target=write, args=(f"t{n}",)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == {f"t{n}": f"t{n}" for n in range(20)}


def test_the_process_ends_with_its_template() -> None:
    before = children()
    template = template_of()
    (own,) = children() - before
    del template
    assert own not in children()


def test_a_process_that_was_killed_is_started_again() -> None:
    before = children()
    template = template_of()
    (own,) = children() - before
    psutil.Process(own).kill()
    with pytest.raises(TemplateFailure):
        written(template, "x")
    assert written(template, "x") == "x"


def test_half_a_character_comes_back_as_it_went() -> None:
    assert written(template_of(), "\ud800 \U0001f600\n") == "\ud800 \U0001f600\n"
