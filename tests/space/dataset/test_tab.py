"""What the Dataset tab shows, exports and deletes."""

import io
import re
import shlex
import zipfile
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path

import gradio as gr
import pyarrow.parquet as pq
import pytest

from space import contributions
from space.api.dataset import run_delete
from space.dataset import command as dataset_cli
from space.dataset import downloads
from space.dataset.tab import ANY, PAGE, build, chosen_filters, delete_with, view
from space.dataset.view import grid_html, push_html, summary_html
from space.review.reviewers import Sight, sight
from space.services import Services
from space.store import Filters, Store
from tests.space.asking import HERE, STRANGER, asks
from tests.space.dataset_app import make_services
from tests.space.store.approving import set_status
from tests.space.store.conftest import make_photo, make_submission

ALL = Sight(private=True, unreviewed=True)


@pytest.fixture
def services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Services:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "data" / "cache" / "uploads"))
    return make_services(tmp_path / "data")


def shown_ids(services: Services, *filters: str, sees: Sight | None = None) -> list[str]:
    page = view(services, *(filters or (ANY, ANY, ANY)), PAGE, sees or ALL)[1]
    return [part.split('"')[0] for part in page.split('<li data-record="')[1:]]


def test_newest_first_with_filters(services: Services) -> None:
    ids = [
        services.store.save(make_submission(i, strategy="box" if i % 2 else "drawn")).record_id
        for i in range(4)
    ]
    assert shown_ids(services) == ids[::-1]
    assert shown_ids(services, "box", ANY, ANY) == [ids[3], ids[1]]
    assert shown_ids(services, ANY, "approved", ANY) == []
    assert shown_ids(services, ANY, ANY, "10 to 20 %") == ids[::-1]
    assert shown_ids(services, ANY, ANY, "over 40 %") == []
    summary, page, _, _, choices, card, condition = view(services, ANY, ANY, ANY, PAGE, ALL)
    assert 'data-figure="records">4<' in summary
    assert page.count("data:image/jpeg;base64,") == 4
    assert [value for _, value in choices.choices] == [ANY, "box", "drawn"]
    assert card.lstrip().startswith("# Inpainting masks")
    assert 'data-health="shards">4<' in condition
    assert "last push" not in condition  # no Hub, no word about it


def test_more_are_shown_on_request(services: Services) -> None:
    for i in range(3):
        services.store.save(make_submission(i))
    first, more = (view(services, ANY, ANY, ANY, count, ALL) for count in (2, 4))
    assert (first[1].count("<li"), first[2].visible) == (2, True)
    assert (more[1].count("<li"), more[2].visible) == (3, False)


def test_empty_states_say_what_to_do(services: Services) -> None:
    assert 'href="#inpaint"' in view(services, ANY, ANY, ANY, PAGE, ALL)[1]
    services.store.save(make_submission(0))
    assert "No mask matches" in view(services, "wide", ANY, ANY, PAGE, ALL)[1]


@pytest.mark.parametrize(
    ("settings", "environment", "request_", "visible"),
    [
        ({}, {}, HERE, True),
        ({"host": "127.0.0.1"}, {}, HERE, True),
        ({"host": "0.0.0.0"}, {}, HERE, False),
        ({"share": True}, {}, HERE, False),
        ({}, {"SPACE_ID": "ann/lama"}, HERE, False),
        ({}, {"GRADIO_SERVER_NAME": "0.0.0.0"}, HERE, False),
        ({}, {}, asks(host="masks.example.org"), False),
        ({}, {}, asks(x_forwarded_for="203.0.113.7"), False),
        ({}, {}, STRANGER, False),
        ({}, {}, None, False),
    ],
)
def test_private_records_are_shown_to_this_machine_only(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    settings: dict,
    environment: dict,
    request_: gr.Request | None,
    visible: bool,
) -> None:
    for name in ("SPACE_ID", "GRADIO_SERVER_NAME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    services = make_services(tmp_path / "data", **settings)
    public = services.store.save(make_submission(0)).record_id
    private = services.store.save(make_submission(1, licence="private")).record_id
    for record_id in (public, private):
        set_status(services.store, record_id, "approved")
    expected = [private, public] if visible else [public]
    sees = sight(services.settings, request_)
    assert shown_ids(services, sees=sees) == expected
    file, _ = downloads.make(services, "parquet", chosen_filters(ANY, ANY, ANY, sees))
    assert set(pq.read_table(file.value["path"])["id"].to_pylist()) == set(expected)


def test_strangers_see_and_get_only_what_is_approved(tmp_path: Path) -> None:
    services = make_services(tmp_path / "data", auth_file=tmp_path / "accounts", reviewers=("ann",))
    with gr.Blocks(analytics_enabled=False) as demo:
        build(services, [demo.load])
    show = next(fn.fn for fn in demo.fns.values() if fn.name == "show")
    [write, _] = [fn.fn for fn in demo.fns.values() if fn.name == "write"]
    [look] = [fn.fn for fn in demo.fns.values() if fn.name == "on_look"]
    [more] = [fn.fn for fn in demo.fns.values() if fn.name == "show_more"]
    ann, bob = (asks("203.0.113.7", "masks.example.org", username=n) for n in ("ann", "bob"))
    approved, pending, rejected = (
        services.store.save(make_submission(i)).record_id for i in range(3)
    )
    private = services.store.save(make_submission(3, licence="private")).record_id
    assert "Nothing is approved yet" in show(ANY, ANY, ANY, bob, None)[1]
    assert "no mask to look at" in look("thin", ANY, ANY, ANY, bob, None)[1]
    set_status(services.store, approved, "approved")
    set_status(services.store, rejected, "rejected")
    set_status(services.store, private, "approved")

    def shown(request: gr.Request, status: str = ANY) -> set[str]:
        pages = show(ANY, status, ANY, request, None), more(ANY, status, ANY, 24, request, None)
        found = [set(re.findall(r'<li data-record="(\w+)"', page[1])) for page in pages]
        file, _ = write(ANY, status, ANY, request, None)
        names = zipfile.ZipFile(file.value["path"]).namelist() if file.visible else []
        packed = {Path(name).stem for name in names if name.startswith("masks/")}
        assert found[0] == found[1] == packed
        return packed

    assert shown(bob) == shown(bob, "approved") == shown(STRANGER) == {approved}
    assert shown(bob, "pending") == shown(bob, "rejected") == set()
    assert shown(ann) == {approved, pending, rejected}
    assert shown(ann, "pending") == {pending}
    assert shown(HERE) == {approved, pending, rejected, private}
    assert "1 saved masks" in look("thin", ANY, ANY, ANY, bob, None)[0]


def test_a_broken_photo_does_not_break_the_page(services: Services) -> None:
    record = services.store.get(services.store.save(make_submission(0)).record_id)
    services.store.core.objects.path("originals", record.image_sha256).unlink()
    assert "cannot be shown" in view(services, ANY, ANY, ANY, PAGE, ALL)[1]


def test_notes_are_shown_as_text(services: Services) -> None:
    services.store.save(make_submission(0, note='"><script>alert(1)</script>'))
    page = view(services, ANY, ANY, ANY, PAGE, ALL)[1]
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_what_an_earlier_version_took_in_unchecked_is_shown_as_text(services: Services) -> None:
    services.store.save(make_submission(0))
    with services.store.core.index.transaction() as run:
        run.execute("UPDATE records SET status = '<img src=x>', licence = '<b>mine'")
    page = view(services, ANY, ANY, ANY, PAGE, ALL)[1]
    assert "&lt;img src=x&gt;" in page
    assert "&lt;b&gt;mine" in page
    assert "<img src=x>" not in page


def test_delete_with_a_pasted_receipt(services: Services) -> None:
    receipt = services.store.save(make_submission(0))
    exported = Path(downloads.make(services, "zip", Filters())[0].value["path"])
    copies = [services.settings.folders.cache / name for name in ("photos/a", "uploads/x/b.png")]
    for copy in copies:
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(make_photo(0))
    other = services.settings.folders.cache / "photos" / "other"
    other.write_bytes(make_photo(1))
    assert "whole receipt" in delete_with(services, receipt.token)[0]
    assert "does not belong" in delete_with(services, f"{receipt.record_id} x")[0]
    status, form = delete_with(services, f"  {receipt.record_id}  {receipt.token}\n")
    assert "Deleted" in status
    assert form == ""
    assert services.store.info()["records"] == 0
    assert [path for path in (*copies, exported) if path.exists()] == []
    assert other.exists()


def test_a_deletion_says_what_becomes_of_it_on_the_hub(tmp_path: Path) -> None:
    services = make_services(tmp_path / "data", hub_dataset="ann/masks")
    first, second = (services.store.save(make_submission(i)) for i in range(2))
    said = "If it was on ann/masks, it leaves with the next push; earlier revisions there keep it"
    assert said in delete_with(services, f"{first.record_id} {first.token}")[0]
    assert said in run_delete(services, second.record_id, second.token)
    services.store.close()


def test_copies_stay_while_another_mask_is_on_the_photo(services: Services) -> None:
    first, _ = (
        services.store.save(make_submission(i, image_bytes=make_photo(0))) for i in range(2)
    )
    copy = services.settings.folders.cache / "photos" / "a"
    copy.parent.mkdir(parents=True, exist_ok=True)
    copy.write_bytes(make_photo(0))
    contributions.delete(services.store, first.record_id, first.token, services.photos)
    assert copy.exists()


def test_thumbnail_of_a_new_record_is_drawn_at_once(services: Services) -> None:
    receipt = contributions.save(services, make_submission(0))
    path = services.store.core.thumbnails / f"{receipt.record_id}.jpg"
    deadline = datetime.now(UTC) + timedelta(seconds=20)
    while not path.exists() and datetime.now(UTC) < deadline:
        pass
    assert path.exists()


def test_figures_read_well() -> None:
    page = summary_html(
        {"records": 12345, "images": 7, "pending": 1, "approved": 2, "synced": 3, "rejected": 0}
    )
    assert ">12,345<" in page
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert grid_html([], now, any_at_all=True) != grid_html([], now, any_at_all=False)


def test_the_store_is_shared_with_other_writers(services: Services) -> None:
    other = Store.open(services.settings.data_dir)
    record_id = other.save(make_submission(3)).record_id
    other.close()
    assert shown_ids(services) == [record_id]
    assert (
        io.BytesIO(services.store.thumbnail(services.store.get(record_id))).read(2) == b"\xff\xd8"
    )


def test_the_push_command_is_one_that_the_command_line_takes() -> None:
    page = unescape(push_html("ada/masks", Path("my data")))
    words = shlex.split(page.split("<code>")[1].split("</code>")[0])
    assert words[:3] == ["python", "-m", "space"]
    given = dataset_cli._parser().parse_args(words[3:])
    assert given.hub_dataset == "ada/masks"
    assert given.data_dir == Path("my data")
