"""People who curate. Their ids say who may confirm what; a name is a label in one form."""

from __future__ import annotations

import unicodedata

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from pvkdb.errors import InputError
from pvkdb.store.base import utc_now
from pvkdb.store.curation.registration import get_or_add
from pvkdb.store.models.access import ApiKey, Person

LONGEST_NAME = 100
#: Letters of other scripts that look like Latin ones (of https://www.unicode.org/reports/tr39).
_LOOK_LATIN = frozenset("аеорсухіјѕһԁԛԝΑΒΕΖΗΙΚΜΝΟΡΤΥΧονρАВЕКМНОРСТУХІЈЅԚԜ")
#: Scripts that are written together.
_TOGETHER = dict.fromkeys(("HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO"), "CJK")


def label_of(name: str) -> str:
    """Return the one form of a name: NFKC, lower case, single blanks.

    Raises:
        InputError: the name is empty or too long, or looks like another one.
    """
    shown = unicodedata.normalize("NFKC", name).strip()
    if not shown or len(shown) > LONGEST_NAME or not shown.isprintable():
        raise InputError(
            f"{name[:60]!r} cannot be the name of a person; give one of up to {LONGEST_NAME} "
            "printable characters"
        )
    letters = [each for each in shown if each.isalpha()]
    found = {unicodedata.name(each, "?").partition(" ")[0] for each in letters}
    scripts = sorted({_TOGETHER.get(each, each) for each in found})
    other = [
        each for each in shown if not (each.isascii() or unicodedata.category(each)[0] in "LM")
    ]
    hidden = [each for each in shown if each == "\u034f" or "\ufe00" <= each <= "\ufe0f"]
    reason = ""
    if len(scripts) > 1:
        reason = f"mixes the scripts {', '.join(each.capitalize() for each in scripts)}"
    elif letters and _LOOK_LATIN.issuperset(letters):
        reason = f"has {scripts[0].capitalize()} letters that look like Latin ones"
    elif other or hidden:
        reason = f"has {unicodedata.name((other + hidden)[0], 'an unknown character')}"
    if reason:
        raise InputError(
            f"{name!r} {reason}, and could pass as another name; type it in the letters of one "
            "script, with plain signs between them"
        )
    return " ".join(unicodedata.normalize("NFKC", shown.casefold()).split())


def person_named(session: Session, name: str) -> Person:
    """Return the person of a name, in any spelling of it, or add one. Raises InputError."""
    label = label_of(name)
    find = select(Person).where(Person.label == label)
    return get_or_add(session, find, lambda: Person(name=" ".join(name.split()), label=label))


def acting_person(session: Session, name: str) -> Person:
    """Return the owner of the key of a request; without one, the person of the name."""
    key_id = session.info.get("pvkdb_caller", {}).get("key_id")
    key = session.get(ApiKey, key_id) if key_id else None
    return key.person if key else person_named(session, name)


def others(session: Session, person: Person) -> list[str]:
    """Return the names of others who can confirm: with a valid key for it, or without keys."""
    valid = or_(ApiKey.expires_at.is_(None), ApiKey.expires_at > utc_now())
    may = or_(ApiKey.scopes.contains("import"), ApiKey.scopes.contains("admin"))
    able = select(ApiKey.person_id).where(valid, may, ApiKey.revoked_at.is_(None))
    local = Person.id.not_in(select(ApiKey.person_id))
    found = select(Person.name).where(Person.id != person.id, or_(local, Person.id.in_(able)))
    return [*session.scalars(found.order_by(Person.name))]
