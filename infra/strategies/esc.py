"""Early-stopping self-consistency: draw in windows, stop when one agrees (arXiv 2401.10480)."""

from tasks.strategies.own import pool


@pool
async def windows(tools, *, size=4):
    """Majority of the windows drawn until all answers of a window are the same.

    A completion without an answer agrees with nothing. The last window has what the budget leaves,
    and ends it however it looks.
    """
    drawn = []
    while len(drawn) < tools.budget:
        wanted = min(len(drawn) + size, tools.budget)
        window = (await tools.completions(wanted))[len(drawn) :]
        drawn += window
        answers = await tools.answers(window)
        if len(window) == size and None not in answers and len(set(answers)) == 1:
            break
    return drawn
