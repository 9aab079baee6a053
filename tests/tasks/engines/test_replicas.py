"""Which replica a request goes to, and when it waits."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from faulty_server import MODEL, PROMPT, QUICK, Asked, closed_port, server
from replies import all_of
from scripts import FORMAT, WHOLE

from tasks.endpoints.statuses import retry_after
from tasks.engines.http_generator import HttpGenerator
from tasks.engines.replica import Limits, roots
from tasks.engines.scripted import ScriptedEngine
from tasks.engines.server_checks import check_served
from warehouse.errors import UserError


async def test_requests_go_to_the_replica_with_the_fewest_in_flight():
    # 40 at once, 10 open at a time on average: the slow one is asked seldom, since its requests
    # stay open.
    slow, quick = server(seconds=0.4), server(seconds=0.004)
    async with Asked(slow, quick, limits=Limits(at_once=5)) as served:
        seconds = await served.right(60)
    assert slow.asked + quick.asked == 60
    assert slow.asked <= 10
    assert seconds < 2.0


async def test_equal_replicas_share_the_load_and_ties_go_in_order():
    first, second, third = servers = [server(seconds=0.05) for _ in range(3)]
    async with Asked(*servers) as served:
        await served.right(1)
        assert [first.asked, second.asked, third.asked] == [1, 0, 0]
        await served.right(30)
    assert [one.most for one in servers] == [10, 10, 10]


async def test_no_more_connections_are_open_than_allowed():
    async with Asked(server(seconds=0.01), limits=Limits(at_once=4)) as served:
        await served.right(20)
        assert served.servers[0].most == 4


async def test_a_dead_replica_costs_nothing_but_its_first_requests():
    dead, alive = server(port=closed_port()), server()
    async with alive:
        engine = HttpGenerator([dead.url, alive.url], MODEL, FORMAT, limits=QUICK)
        direct = ScriptedEngine(FORMAT, alive.law)
        for seed in range(20):
            reply = await all_of(engine.draw(PROMPT, 1, sampling=WHOLE, seed=seed))
            assert (
                reply.draws
                == (await all_of(direct.draw(PROMPT, 1, sampling=WHOLE, seed=seed))).draws
            )
        assert engine.aside == [dead.url.removesuffix("/v1")]
        await engine.close()
    assert alive.asked == 20


async def test_a_replica_that_comes_back_is_asked_again():
    late, alive = server(port=closed_port()), server(seconds=0.005)
    async with alive:
        engine = HttpGenerator([late.url, alive.url], MODEL, FORMAT, limits=QUICK)
        for seed in range(4):
            await all_of(engine.draw(PROMPT, 1, sampling=WHOLE, seed=seed))
        assert engine.aside and late.requests == 0
        async with late:
            async with asyncio.timeout(10.0):
                while engine.aside:
                    await asyncio.sleep(0.01)
            await all_of(engine.draw(PROMPT, 1, sampling=WHOLE, seed=9))
        await engine.close()
    assert late.probes == 1 and late.requests == 2  # one token to show that it lives, then the draw


async def test_a_frozen_replica_is_found_by_a_token_and_its_requests_go_elsewhere():
    frozen, alive = server(frozen=True), server()
    limits = Limits(
        backoff=0.01, silence=0.2, probe=0.1
    )  # the total limit of an hour plays no part
    async with Asked(frozen, alive, limits=limits) as served:
        async with asyncio.timeout(20.0):
            seconds = await served.right(10)
        assert frozen.probes >= 1 and served.engine.aside == [frozen.url.removesuffix("/v1")]
        assert seconds < 3.0
        before = frozen.asked
        await served.right(10, seed=7)
        assert frozen.asked == before
        assert alive.asked == 20


async def test_a_slow_replica_is_not_taken_for_a_frozen_one():
    # Replies take longer than the silence allowed, the token asked for then comes in time.
    slow = server(seconds=0.3)
    async with Asked(slow, limits=Limits(silence=0.1, probe=1.0)) as served:
        await served.right(4)
        assert served.engine.aside == [] and slow.probes >= 1
        assert slow.asked == 4


async def test_retry_after_is_honoured():
    busy = server(faulty=1.0, faults=("busy",), retry_after="1")
    async with Asked(busy, limits=Limits(backoff=0.0)) as served:
        asked = asyncio.ensure_future(served.right(1))
        await asyncio.sleep(0.7)
        assert busy.asked == 1 and not asked.done()
        busy.faulty = 0.0
        assert 1.0 <= await asked < 3.0
    assert busy.asked == 2


async def test_retry_after_of_one_replica_sends_the_request_to_another():
    busy = server(faulty=1.0, faults=("busy",), retry_after="60")
    async with Asked(busy, server()) as served:
        assert await served.right(4) < 2.0
        assert served.engine.aside == []  # who says that it is busy is not broken


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("3", 3.0), ("0.5", 0.5), ("-3", None), ("soon", None), (None, None), ("nan", None)],
)
def test_retry_after_is_read(header, seconds):
    assert retry_after(header) == seconds


def test_retry_after_may_be_a_date():
    later = datetime.now(UTC) + timedelta(seconds=30)
    assert retry_after(format_datetime(later, usegmt=True)) == pytest.approx(30, abs=2)
    assert retry_after(format_datetime(later - timedelta(hours=1), usegmt=True)) == 0.0


async def test_backoff_doubles_up_to_its_limit():
    # At least half of 0.1 + 0.2 + 0.2 s, at most all of it and what the machine takes.
    limits = Limits(backoff=0.1, longest=0.2, attempts=4, strikes=100)
    async with Asked(server(faulty=1.0, faults=("error",)), limits=limits) as served:
        started = time.monotonic()
        with pytest.raises(UserError):
            await served.right(1)
    assert 0.25 <= time.monotonic() - started < 1.5


async def test_a_cancelled_request_ends_at_the_server_too():
    slow = server(seconds=8.0)
    async with Asked(slow) as served:
        asked = asyncio.ensure_future(served.right(5))
        while slow.open < 5:
            await asyncio.sleep(0.01)
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)
        assert served.engine.in_flight == 0
        async with asyncio.timeout(2.0):
            while slow.open:
                await asyncio.sleep(0.01)


async def test_servers_are_checked_before_the_first_token():
    async with server() as alive:
        await asyncio.to_thread(check_served, [alive.url], MODEL)
        with pytest.raises(UserError, match="to serve 'mistaken', it serves scripted"):
            await asyncio.to_thread(check_served, [alive.url], "mistaken")
    with pytest.raises(UserError, match="ConnectError"):
        check_served([f"http://127.0.0.1:{closed_port()}/v1"], MODEL)


@pytest.mark.parametrize(
    "urls", [[], ["localhost:8000"], ["http://"], ["ftp://host/v1"], ["http://host:port/v1"]]
)
def test_what_is_no_address_is_refused(urls):
    with pytest.raises(UserError, match=r"such as http://127\.0\.0\.1:8000/v1"):
        roots(urls)


def test_addresses_are_taken_with_and_without_version():
    assert roots(["http://a:1/v1", "https://b/v1/", "http://c:3"]) == [
        "http://a:1",
        "https://b",
        "http://c:3",
    ]


async def test_closing_ends_what_is_under_way():
    slow = server(seconds=8.0)
    async with Asked(slow, limits=Limits(at_once=3)) as asked:
        draws = [
            asyncio.ensure_future(all_of(asked.engine.draw(PROMPT, 1, sampling=WHOLE, seed=i)))
            for i in range(6)
        ]
        while slow.open < 3:
            await asyncio.sleep(0.01)
        await asked.engine.close()
        ended = await asyncio.gather(*draws, return_exceptions=True)
    assert all(isinstance(one, asyncio.CancelledError) for one in ended)
    assert slow.most == 3
