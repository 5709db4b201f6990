"""The command, typed as an operator types it, against an installation it knows by URL and key alone."""

import asyncio
import contextlib
import http.server
import json
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from carrel.greeting import z3950_problem
from carrel.postgres.locking import FolderLock
from catalog.marc.generate import generate
from catalog.marc.iso2709 import dumps
from chassis.transport import Message
from chassis.transport.postgres import PostgresTransport
from support.command import CARREL, Operated, carrel, environment
from support.marc_records import book

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("operated-box")]


def test_help_names_every_command(operated: Operated) -> None:
    told = operated.carrel("--help")

    assert told.code == 0
    for word in (
        "up",
        "cluster",
        "status",
        "token",
        "import",
        "export",
        "demo",
        "doctor",
        "events",
        "config",
        "webhook",
        "sandbox",
        "sbom",
        "migrate",
    ):
        assert f"\n  {word} " in told.out


def test_status_and_doctor_speak_to_people_and_to_machines(operated: Operated) -> None:
    status, doctor = operated.carrel("status", "--json").json, operated.carrel("doctor", "--json").json

    assert status["status"] == "ready"
    assert status["url"] == operated.box.url
    assert set(status["dead_letters"]) == {"catalog", "circulation", "ill", "erm"}
    assert status["search_index"]["count"] >= 600
    assert {check["check"] for check in doctor} >= {"gateway", "dead letters", "backlog", "search index"}
    assert "ready" in operated.carrel("status").out
    assert "search index" in operated.carrel("doctor").out


def test_other_libraries_are_answered_by_z3950_where_a_port_is_given(operated: Operated) -> None:
    told = carrel("doctor", "--json", env={"CARREL_DATA": str(operated.box.data)}).json
    address = (operated.box.data / "z3950").read_text()

    assert address.startswith("z3950://127.0.0.1:")
    assert f"Z39.50     {address}" in operated.box.words
    assert [check["detail"] for check in told if check["check"] == "Z39.50"] == [f"{address} answers"]
    assert z3950_problem(address.replace(address[18:], "1/catalog")) == "does not answer: Connection refused"
    assert (
        z3950_problem(f"z3950://127.0.0.1:{operated.box.port}/catalog")
        == "answers oddly: no answer of Z39.50"
    )


def test_on_the_machine_itself_the_data_folder_is_enough(operated: Operated) -> None:
    here = {"CARREL_DATA": str(operated.box.data)}

    assert carrel("status", "--json", env=here).json["url"] == operated.box.url
    assert carrel("token", "--admin", env=here).out.strip() == operated.box.key


def test_url_and_key_may_stand_in_the_call_and_win(operated: Operated) -> None:
    told = operated.carrel(
        "status",
        "--url",
        operated.box.url,
        "--key",
        operated.box.key,
        CARREL_URL="http://127.0.0.1:1",
        CARREL_KEY="no",
    )

    assert told.code == 0


def test_a_key_with_scopes_may_do_just_that(operated: Operated) -> None:
    given = operated.carrel("token", "--scopes", "changes:read, titles:read", "--json").json

    assert operated.carrel("events", "tail", CARREL_KEY=given["key"]).code == 0
    assert "imports:create" in operated.carrel("import", _records(operated), CARREL_KEY=given["key"]).refusal


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("token",), "Say either --admin or --scopes"),
        (("token", "--scopes", "nothing:real"), "There is no scope nothing:real"),
        (("import", "/not/here.mrc"), "/not/here.mrc"),
        (("import", "/etc/passwd"), "What is passwd? Say --media-type"),
        (("import", "/etc/passwd", "--media-type", "text/plain"), "application/marcxml+xml"),
        (
            ("import", "/etc/passwd", "--media-type", "application/marc", "--profile", "x"),
            "There is no profile",
        ),
        (("export", "/not/here.mrc"), "/not/here.mrc"),
        (("export", "/etc"), "/etc"),
        (("export", "--media-type", "text/html"), "application/marc"),
        (("export", "--query", "author:("), "query"),
        (("events", "tail", "--after", "nonsense"), "cursor"),
        (("events", "dead", "--service", "nobody"), "nobody"),
        (("events", "discard", "x", "--service", "catalog", "--reason", "y"), "UUID"),
        (("events", "replay", "01a0f7a2-5b1c-7d3e-8f00-000000000001", "--service", "catalog"), "--reason"),
        (("config", "diff", "/not/here"), "/not/here"),
        (("config", "export", "/etc/passwd"), "/etc/passwd"),
        (("demo",), "There are patrons here already"),
        (("up", "--port", "abc"), "--port"),
        (("up", "--port", "70000"), "--port"),
        (("gibberish",), "gibberish"),
        (("status", "--key", "schlüssel"), "key"),
        (("status", "--key", "wrong"), "not one that was given out here"),
        (("status", "--url", "http://127.0.0.1:1"), "http://127.0.0.1:1 does not answer"),
        (("status", "--url", "somewhere"), "is no address"),
        (("status", "--url", "http://[bad"), "http://[bad"),
        (("status", "--url", "http://127.0.0.1:99999999"), "99999999"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_done_is_told_in_a_few_words(
    operated: Operated, words: tuple[str, ...], said: str
) -> None:
    told = operated.carrel(*words)

    assert said in told.refusal
    assert told.refusal.count("\n") <= 2


def test_without_an_installation_the_command_says_how_to_name_one(tmp_path: Path) -> None:
    assert "--url" in carrel("status", env={"CARREL_DATA": str(tmp_path)}).refusal


def test_a_server_that_is_not_carrel_is_not_taken_for_one(operated: Operated) -> None:
    with _other_server() as url:
        assert "not as Carrel does" in operated.carrel("status", CARREL_URL=url).refusal


def test_records_go_in_and_come_out_as_they_were(operated: Operated, tmp_path: Path) -> None:
    told = operated.carrel("import", _records(operated, count=3), "--create-locations", "--json").json
    out = tmp_path / "out.mrc"
    exported = operated.carrel("export", str(out), "--query", "title:studies")

    assert told["state"] == "finished"
    assert sum(told["counts"].values()) == told["records_read"] == 3
    assert exported.code == 0
    assert out.read_bytes().count(b"\x1d") >= 3
    assert str(out.stat().st_size) in exported.err
    assert not list(tmp_path.glob("*.part"))


def test_an_export_goes_to_standard_output_where_no_file_is_named(operated: Operated) -> None:
    done = subprocess.run(
        [CARREL, "export", "--query", "tacitus", "--media-type", "application/marcxml+xml"],
        env=environment(CARREL_URL=operated.box.url, CARREL_KEY=operated.box.key),
        capture_output=True,
        timeout=60,
        check=True,
    )

    assert b"<record" in done.stdout
    assert b"Tacitus" in done.stdout


def test_an_export_that_is_refused_leaves_the_earlier_file_alone(operated: Operated, tmp_path: Path) -> None:
    out = tmp_path / "out.mrc"
    out.write_bytes(b"last week's")

    assert operated.carrel("export", str(out), "--query", "author:(").code == 1
    assert out.read_bytes() == b"last week's"
    assert list(tmp_path.iterdir()) == [out]


def test_records_that_are_not_taken_are_told_with_their_place_and_the_reason(
    operated: Operated, tmp_path: Path
) -> None:
    file = tmp_path / "half.mrc"
    file.write_bytes(dumps(book(9001)) + b"this is no record at all\x1d" + dumps(book(9002, "Emma")))

    told = operated.carrel("import", str(file))

    assert told.code == 1
    assert "finished-with-errors" in told.out
    assert f"byte {len(dumps(book(9001)))}" in told.err
    assert "Traceback" not in told.err


def test_ctrl_c_ends_the_waiting_and_says_that_the_import_goes_on(operated: Operated) -> None:
    file = _records(operated, count=2500, first=100_000)

    code, words = _interrupted(operated, ["import", file, "--create-locations"], when=_running)

    assert code == 130
    assert "the import goes on" in words
    assert "Traceback" not in words
    job = words.split("/v1/imports/")[1].split()[0]
    assert _ended(operated, job)["state"] == "finished"


def test_a_large_demo_library_can_be_broken_off_and_made_again(operated: Operated) -> None:
    code, words = _interrupted(operated, ["demo", "--titles", "3000"], when=_running)
    again = operated.carrel("demo", "--titles", "3000", "--json")

    assert code == 130
    assert "Traceback" not in words
    assert again.json["state"] == "finished"
    assert again.json["records_read"] == 3000
    assert "importing" in again.err


def test_a_watcher_puts_up_with_a_process_that_died(operated: Operated) -> None:
    file = _records(operated, count=2500, first=200_000)
    process = _begun(operated, ["import", file, "--create-locations", "--json"])
    _until(lambda: _running(operated))

    operated.box.kill_child("carrel.serving")

    out, err = process.communicate(timeout=90)
    assert process.returncode == 0, err
    assert json.loads(out)["records_read"] == 2500


def test_the_feed_is_an_event_to_a_line_and_goes_on_where_it_was_left(operated: Operated) -> None:
    lines = operated.carrel("events", "tail", "--types", "circulation.loan-created.v1").out.splitlines()

    events = [json.loads(line) for line in lines]
    assert len(events) > 200
    assert {event["type"] for event in events} == {"circulation.loan-created.v1"}


def test_a_feed_that_is_followed_tells_what_happens_next(operated: Operated) -> None:
    process = _begun(operated, ["events", "tail", "--follow", "--types", "circulation.patron-created.v1"])
    assert process.stdout is not None
    external = uuid4().hex
    with httpx.Client(
        base_url=operated.box.url, headers={"Authorization": f"Bearer {operated.box.key}"}
    ) as http:
        reader = {"group": "staff", "family_name": "Reader", "external_id": external}
        made = http.post("/v1/patrons", json=reader, headers={"Idempotency-Key": external})
        assert made.status_code == 201, made.text
    patron = made.json()["id"]

    late = threading.Timer(30, process.kill)
    late.start()
    told = next(line for line in process.stdout if json.loads(line)["subject"] == patron)
    late.cancel()

    assert json.loads(told)["source"] == "circulation"
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 130
    assert process.stderr is not None
    assert process.stderr.read() == ""


def test_a_webhook_on_this_machine_is_verified_and_printed_and_gone_afterwards(operated: Operated) -> None:
    process = subprocess.Popen(
        [CARREL, "webhook", "listen", "--types", "circulation.patron-updated.v1", "--count", "1", "--json"],
        env=environment(
            CARREL_URL=operated.box.url, CARREL_KEY=operated.box.key, CARREL_DATA=str(operated.nowhere)
        ),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    late = threading.Timer(30, process.kill)
    late.start()
    headers = {"Authorization": f"Bearer {operated.box.key}"}
    with httpx.Client(base_url=operated.box.url, headers=headers) as http:
        assert process.stderr is not None
        assert "Listening at http://127.0.0.1:" in process.stderr.readline()
        external = str(uuid4())
        reader = {"group": "staff", "family_name": "Reader", "external_id": external}
        made = http.post("/v1/patrons", json=reader, headers={"Idempotency-Key": external}).json()
        # Not the registration itself: what another test registered a moment ago may be told of as well.
        here = f"/v1/patrons/{made['id']}"
        changed = http.patch(here, json={"family_name": "Lector"}, headers={"If-Match": '"1"'})
        assert changed.status_code == 200, changed.text
        out, err = process.communicate()
        left = http.get("/v1/webhooks").json()["items"]
    late.cancel()

    (told,) = map(json.loads, out.splitlines())
    assert (process.returncode, err) == (0, "")
    assert (told["type"], told["subject"]) == ("circulation.patron-updated.v1", made["id"])
    assert told["data"] == {}
    assert "Lector" not in out
    assert left == []


def test_a_webhook_cannot_be_listened_to_beyond_this_machine(operated: Operated) -> None:
    told = operated.carrel("webhook", "listen", "--types", "nothing.v1", "--receiver", "http://10.0.0.1/")

    assert "There is no event" in told.refusal
    assert "Only https is spoken" in told.refusal


def test_dead_letters_are_listed_replayed_and_discarded(operated: Operated) -> None:
    letter = asyncio.run(_set_aside(operated))
    _until(lambda: letter in operated.carrel("events", "dead").out)

    listed = operated.carrel("events", "dead", "--service", "circulation", "--json").json
    assert [each["id"] for each in listed["items"]] == [letter]
    assert "look here" in operated.carrel("doctor").out
    assert operated.carrel("doctor").code == 1

    judged = ("--service", "circulation", "--reason", "a test's")
    assert operated.carrel("events", "replay", letter, *judged, "--json").json["found"] == 1
    _until(lambda: letter in operated.carrel("events", "dead").out)  # it is as broken as before
    assert operated.carrel("events", "discard", letter, *judged).out == "1 of 1 found\n"

    assert operated.carrel("events", "discard", letter, *judged).code == 1
    assert operated.carrel("doctor").code == 0


def test_configuration_is_exported_compared_and_applied(operated: Operated, tmp_path: Path) -> None:
    files = operated.carrel("config", "export", str(tmp_path), "--json").json["files"]
    names = ["catalog.json", "circulation.json", "ill.json", "erm.json", "sign-on.json", "budgets.json"]
    assert [Path(file).name for file in files] == names
    assert operated.carrel("config", "diff", str(tmp_path)).out == (
        "catalog: nothing differs\ncirculation: nothing differs\nill: nothing differs\nerm: nothing differs\n"
        "sign-on: nothing differs\nbudgets: nothing differs\n"
    )
    rules = json.loads((tmp_path / "circulation.json").read_text())
    rules["loan_policies"].append({"code": "a-day", "name": "A day", "period": {"amount": 1, "unit": "day"}})
    (tmp_path / "circulation.json").write_text(json.dumps(rules))

    before = operated.carrel("config", "diff", str(tmp_path), "--json").json
    applied = operated.carrel("config", "apply", str(tmp_path))
    after = operated.carrel("config", "diff", str(tmp_path)).out

    assert before["circulation"]["sections"]["loan_policies"]["added"] == ["a-day"]
    assert "circulation loan_policies: added a-day" in applied.out
    assert "circulation: nothing differs" in after


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (b"{", "is no JSON"),
        (b"\xff\xfe", "is no JSON"),
        (b"[]", "dictionary"),
        (b'{"rules": 5, "wages": []}', "/wages"),
    ],
)
def test_a_broken_document_leaves_everything_as_it_was(
    operated: Operated, tmp_path: Path, document: bytes, said: str
) -> None:
    operated.carrel("config", "export", str(tmp_path))
    places = json.loads((tmp_path / "catalog.json").read_text())
    places["loan_types"].append({"code": "never", "name": "Never applied"})
    (tmp_path / "catalog.json").write_text(json.dumps(places))
    (tmp_path / "circulation.json").write_bytes(document)

    told = operated.carrel("config", "apply", str(tmp_path))

    assert said in told.refusal
    (tmp_path / "circulation.json").unlink()
    assert "loan_types: added never" in operated.carrel("config", "diff", str(tmp_path)).out


def test_documents_that_are_not_there_are_missed(operated: Operated, tmp_path: Path) -> None:
    assert "catalog.json" in operated.carrel("config", "apply", str(tmp_path)).refusal


@contextlib.contextmanager
def _other_server() -> Iterator[str]:
    """Somebody else's web server."""

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<h1>It works!</h1>")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with http.server.HTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def _records(operated: Operated, *, count: int = 2, first: int = 1) -> str:
    """A file of made-up records."""
    file = operated.nowhere / f"{first}-{count}.mrc"
    file.write_bytes(b"".join(made.raw for made in generate(count, first=first)))
    return str(file)


def _begun(operated: Operated, words: list[str]) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [CARREL, *words],
        env=environment(
            CARREL_DATA=str(operated.nowhere), CARREL_URL=operated.box.url, CARREL_KEY=operated.box.key
        ),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _interrupted(
    operated: Operated, words: list[str], *, when: Callable[[Operated], bool]
) -> tuple[int, str]:
    """Begin a command, press Ctrl-C in the middle; its exit code and all that it said."""
    process = _begun(operated, words)
    _until(lambda: when(operated) or process.poll() is not None)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    return process.returncode, out + err


def _running(operated: Operated) -> bool:
    return bool(_asked(operated, "/v1/imports?state=running")["items"])


def _ended(operated: Operated, job: str) -> Any:
    _until(lambda: _asked(operated, f"/v1/imports/{job}")["state"] not in ("queued", "running"))
    return _asked(operated, f"/v1/imports/{job}")


def _asked(operated: Operated, path: str) -> Any:
    answer = httpx.get(f"{operated.box.url}{path}", headers={"Authorization": f"Bearer {operated.box.key}"})
    return answer.json()


def _until(so: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not so():
        assert time.monotonic() < end, "not so in time"
        time.sleep(0.05)


async def _set_aside(operated: Operated) -> str:
    """An event that nobody can read lands among circulation's dead letters."""
    folder = operated.box.data / "postgres"
    socket = FolderLock(folder / "lock").told()["socket"]
    passwords = json.loads((folder / "cluster" / "passwords.json").read_text())
    password = passwords["carrel_bus"]
    transport = PostgresTransport(f"postgresql://carrel_bus:{password}@/carrel_bus?host={socket}&port=5432")
    message = Message(uuid4(), "catalog.item-created.v1", "nobody", b"this is no envelope")
    await transport.publish([message], only_to="circulation")
    await transport.close()
    return str(message.id)


def test_a_library_moves_in_from_another_system(operated: Operated, tmp_path: Path) -> None:
    sample = operated.carrel("migrate", "sierra", str(tmp_path), "--sample")

    moved = operated.carrel("migrate", "sierra", str(tmp_path), "--json")

    assert (sample.code, moved.code) == (0, 1)
    told = {each["kind"]: each for each in json.loads(moved.out)["accounts"]}
    assert {kind: (each["loaded"], each["level"]) for kind, each in told.items()} == {
        "title": (40, True),
        "item": (60, True),
        "patron": (30, True),
        "loan": (14, False),
        "hold": (7, False),
        "fee": (9, True),
    }
    assert [row["code"] for each in told.values() for row in each["differences"]] == ["patron-unknown"] * 2
