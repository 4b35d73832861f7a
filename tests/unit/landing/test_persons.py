"""CPR numbers, the key and the vault."""

from __future__ import annotations

import datetime as dt
import multiprocessing
import sqlite3
import stat
from pathlib import Path

import pytest

from include.errors import WarehouseError
from include.landing.persons import Key, PersonNumber, Vault, key_id, parse_person_number, read_key
from include.settings import PROJECT_ROOT, Settings


def number(day: int, month: int, year: int, serial: str) -> str:
    """Put together here, so that no number that could be a person's stands in the repository."""
    return f"{day:02}{month:02}{year:02}{serial}"


@pytest.mark.parametrize(
    ("text", "born", "sex", "passes"),
    [
        (number(7, 7, 61, "4285"), dt.date(1961, 7, 7), "male", True),
        (number(15, 3, 10, "4004"), dt.date(2010, 3, 15), "female", True),
        (number(15, 3, 10, "4000"), dt.date(2010, 3, 15), "female", False),
        (number(29, 2, 12, "4001"), dt.date(2012, 2, 29), "male", False),
        (number(1, 2, 57, "5000"), dt.date(2057, 2, 1), "female", False),
        (number(1, 2, 58, "5000"), dt.date(1858, 2, 1), "female", False),
        (number(1, 2, 36, "9000"), dt.date(2036, 2, 1), "female", False),
        (number(1, 2, 37, "9000"), dt.date(1937, 2, 1), "female", False),
        (number(1, 2, 99, "3000"), dt.date(1999, 2, 1), "female", False),
    ],
)
def test_birth_date_and_sex(text: str, born: dt.date, sex: str, passes: bool) -> None:
    for written in (text, f"{text[:6]}-{text[6:]}", f" {text} "):
        found = parse_person_number(written)
        assert found == PersonNumber(text, "person", born, sex, passes_modulus_11=passes)


@pytest.mark.parametrize(
    "text",
    [
        number(31, 2, 11, "4000"),
        number(29, 2, 11, "4000"),
        number(0, 1, 11, "4000"),
        number(1, 13, 11, "4000"),
        "1234567",
        number(1, 2, 11, "4000") + "1",
        "",
        "abcdef-ghij",
        number(1, 2, 11, "")[:6] + "--4000",
    ],
)
def test_what_is_no_number(text: str) -> None:
    assert parse_person_number(text) is None


@pytest.mark.parametrize("text", [number(61, 2, 11, "4000"), number(91, 1, 11, "4000"), number(1, 2, 11, "4AB0")])
def test_replacement_numbers_have_a_status_of_their_own(text: str) -> None:
    found = parse_person_number(text)
    assert found is not None
    assert (found.status, found.birth_date, found.sex) == ("replacement", None, None)


def test_the_key_is_made_once_and_for_the_owner_only(settings: Settings) -> None:
    key = read_key(settings)
    assert [len(part) for part in key.parts] == [32]
    assert stat.S_IMODE(settings.key_file.stat().st_mode) == 0o600
    assert read_key(settings) == key
    assert key_id(key) not in key.text
    assert key.parts[0].hex() not in repr(key)
    assert [file.name for file in settings.key_file.parent.iterdir()] == ["person.key"]


def test_a_key_that_others_may_read_is_refused(settings: Settings) -> None:
    read_key(settings)
    settings.key_file.chmod(0o640)
    with pytest.raises(WarehouseError, match="chmod 600"):
        read_key(settings)


@pytest.mark.parametrize("inside", ["home", "repository"])
def test_a_key_inside_home_or_repository_is_refused(settings: Settings, inside: str) -> None:
    place = settings.home / "k" if inside == "home" else PROJECT_ROOT / "k"
    with pytest.raises(WarehouseError, match="WAREHOUSE_KEY_FILE"):
        read_key(settings.model_copy(update={"key_file": place}))
    assert not place.exists()


def test_a_lost_key_is_not_replaced_in_silence(settings: Settings) -> None:
    Vault(settings, "school", read_key(settings)).person_keys([_person(1)])
    settings.key_file.unlink()
    with pytest.raises(WarehouseError, match="backup"):
        read_key(settings)


def test_a_damaged_key_is_refused(settings: Settings) -> None:
    read_key(settings)
    for content in ("abc", "", f"{bytes(32).hex()}\n{bytes(31).hex()}\n", "æ"):
        settings.key_file.write_text(content)
        with pytest.raises(WarehouseError, match="damaged"):
            read_key(settings)


def _person(serial: int) -> PersonNumber:
    found = parse_person_number(number(2, 3, 12, f"{4000 + serial}"))
    assert found is not None
    return found


def test_the_same_person_keeps_a_key_and_purposes_share_none(settings: Settings) -> None:
    key = read_key(settings)
    people = [_person(serial) for serial in range(500)]
    school = Vault(settings, "school", key).person_keys(people)
    assert len(set(school.values())) == 500
    assert all(0 < person_key < 2**32 for person_key in school.values())
    assert Vault(settings, "school", key).person_keys(people[:3]) == {p.digits: school[p.digits] for p in people[:3]}
    social = Vault(settings, "social", key).person_keys(people)
    assert not set(school.values()) & set(social.values())
    other = settings.model_copy(update={"municipality_code": "101"})
    assert not set(school.values()) & set(Vault(other, "school", key).person_keys(people).values())


def test_the_vault_holds_no_number_and_is_for_the_owner_only(settings: Settings) -> None:
    vault = Vault(settings, "school", read_key(settings))
    vault.person_keys([_person(7)])
    assert stat.S_IMODE(vault.file.stat().st_mode) == 0o600
    assert stat.S_IMODE(vault.file.parent.stat().st_mode) == 0o700
    assert _person(7).digits.encode() not in vault.file.read_bytes()
    with sqlite3.connect(vault.file) as connection:
        (digest,) = connection.execute("select digest from person").fetchone()
    assert len(digest) == 32


def test_a_vault_of_another_key_is_refused(settings: Settings, tmp_path: Path) -> None:
    Vault(settings, "school", read_key(settings)).person_keys([_person(1)])
    stranger = Key((bytes(range(32)),))
    with pytest.raises(WarehouseError, match="another key"):
        Vault(settings, "school", stranger).person_keys([_person(1)])


def test_two_persons_that_draw_the_same_number_get_two(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    draws = iter([4, 4, 4, 9])
    monkeypatch.setattr("include.landing.persons.secrets.randbelow", lambda _: next(draws))
    keys = Vault(settings, "school", Key((bytes(32),))).person_keys([_person(1), _person(2)])
    assert sorted(keys.values()) == [5, 10]


def _keys(settings: Settings, start: int) -> dict[str, int]:
    return Vault(settings, "school", read_key(settings)).person_keys([_person(n) for n in range(start, start + 300)])


def test_processes_at_once_agree(settings: Settings) -> None:
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        found = pool.starmap(_keys, [(settings, 0), (settings, 100), (settings, 200)])
    merged: dict[str, int] = {}
    for keys in found:
        for digits, person_key in keys.items():
            assert merged.setdefault(digits, person_key) == person_key
    assert len(merged) == len(set(merged.values())) == 500


# ---- replaced numbers


def _vault(settings: Settings, purpose: str = "school") -> Vault:
    return Vault(settings, purpose, read_key(settings))


def _key(settings: Settings, serial: int) -> int:
    return next(iter(_vault(settings).person_keys([_person(serial)]).values()))


def test_a_replaced_number_that_is_known_keeps_its_key(settings: Settings) -> None:
    before = _key(settings, 1)
    _vault(settings).learn_replaced([(_person(2), _person(1))])
    assert _key(settings, 2) == _key(settings, 1) == before
    assert _vault(settings).same_persons() == {}


def test_the_new_number_may_come_before_the_old_one(settings: Settings) -> None:
    new = _key(settings, 2)
    _vault(settings).learn_replaced([(_person(2), _person(1))])
    assert _key(settings, 1) == _key(settings, 2) == new
    assert _vault(settings).same_persons() == {}


def test_of_two_keys_in_data_the_older_numbers_stands(settings: Settings) -> None:
    old, new = _key(settings, 1), _key(settings, 2)
    _vault(settings).learn_replaced([(_person(2), _person(1))])
    assert _key(settings, 1) == _key(settings, 2) == old
    assert _vault(settings).same_persons() == {new: old}


def test_a_vault_that_never_saw_the_person_learns_it_without_a_person(settings: Settings) -> None:
    vault = _vault(settings)
    vault.learn_replaced([(_person(2), _person(1))])
    with sqlite3.connect(vault.file) as connection:
        assert connection.execute("select count(*) from person").fetchone() == (0,)
    assert _key(settings, 1) == _key(settings, 2)


@pytest.mark.parametrize("told", [((2, 1), (3, 2)), ((3, 2), (2, 1)), ((3, 1), (3, 2)), ((2, 1), (3, 2), (1, 3))])
def test_a_number_replaced_twice_leads_to_the_first_in_whatever_order(
    settings: Settings, told: tuple[tuple[int, int], ...]
) -> None:
    keys = [_key(settings, serial) for serial in (1, 2, 3)]
    for number, before in told:
        _vault(settings).learn_replaced([(_person(number), _person(before))])
        _vault(settings).learn_replaced([(_person(number), _person(before))])
    (kept,) = {_key(settings, serial) for serial in (1, 2, 3)}
    assert kept in keys
    assert _vault(settings).same_persons() == {key: kept for key in keys if key != kept}


def test_no_replacement_number_is_ever_joined_to_a_person(settings: Settings) -> None:
    replacement = parse_person_number(number(62, 3, 12, "4001"))
    assert replacement is not None
    for pair in ((_person(1), replacement), (replacement, _person(1))):
        with pytest.raises(ValueError, match="never joined"):
            _vault(settings).learn_replaced([pair])
    keys = _vault(settings).person_keys([_person(1), replacement])
    assert len(set(keys.values())) == 2
    with sqlite3.connect(_vault(settings).file) as connection:
        assert dict(connection.execute("select person_key, status from person")) == {
            keys[_person(1).digits]: "person",
            keys[replacement.digits]: "replacement",
        }


def test_a_key_of_a_delivery_is_drawn_once_and_another_in_the_next(settings: Settings) -> None:
    vault = _vault(settings)
    people = vault.person_keys([_person(serial) for serial in range(200)]).values()
    first, second = vault.delivery_keys(people, "a"), vault.delivery_keys(people, "b")
    assert vault.delivery_keys(list(people)[:7], "a").items() <= first.items()
    assert len({*people, *first.values(), *second.values()}) == 600
