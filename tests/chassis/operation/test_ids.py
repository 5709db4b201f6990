"""No two things get one id, whoever asks: threads, forked children, many at once."""

import os
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

from chassis.ids import minted_at, uuid7


def chance(told: UUID) -> int:
    """The part of an id that is no time."""
    return told.int & 0x3FFF_FFFF_FFFF_FFFF


def test_ids_made_at_once_in_many_threads_are_all_different() -> None:
    with ThreadPoolExecutor(8) as threads:
        made = [
            each for part in threads.map(lambda _: [uuid7() for _ in range(2000)], range(8)) for each in part
        ]

    assert len({chance(each) for each in made}) == len(made) == 16_000
    assert {each.version for each in made} == {7}


def test_ids_that_one_thread_makes_go_by_time() -> None:
    made = [uuid7() for _ in range(2000)]

    assert [minted_at(each) for each in made] == sorted(minted_at(each) for each in made)


def test_a_forked_child_gives_out_ids_of_its_own() -> None:
    uuid7()
    coming, going = os.pipe()
    child = os.fork()
    if not child:
        os.write(going, b"".join(uuid7().bytes for _ in range(50)))
        os._exit(0)
    os.waitpid(child, 0)
    told = os.read(coming, 50 * 16)
    os.close(coming)
    os.close(going)

    theirs = {chance(UUID(bytes=told[at : at + 16])) for at in range(0, len(told), 16)}
    ours = {chance(uuid7()) for _ in range(50)}

    assert len(theirs) == 50
    assert not theirs & ours
