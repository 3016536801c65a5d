# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What is a date, and what only looks like one."""

import time

import pytest

from realm_tf import config, types
from realm_tf.text import dates


def find(text: str, rules: str = "en") -> list[str]:
    return [text.encode()[a:b].decode() for a, b in dates.load(rules).find(text)]


def test_configuration_knows_the_bundled_languages():
    words = config.TaggingConfig.settings()["dates"].words
    assert sorted(words) == sorted([*dates.languages(), dates.NONE])


@pytest.mark.parametrize(
    "date",
    [
        "May 12, 2008",
        "May 12 2008",
        "12 May 2008",
        "the 3rd of June 1920",
        "Sept. 5, 1990",
        "May 2008",
        "May 12",
        "12 May",
        "2008-05-12",
        "1990",
        "1990s",
        "19th century",
        "5th century BC",
        "44 BC",
        "AD 79",
        "October",
        "Sunday, 7 December 1941",
        "January 31st\u00a02001",
        "Aug 18, 2011",
        "late May 1945",
        "28/02/1999",
        "early 1992",
        "mid-1941",
        "summer of 1969",
        "winter of 1971–72",
        "'60s",
        "late 1960s",
        "mid-to-late '90s",
        "nineteen-sixties",
        "early 20th century",
        "19th-century",
        "twenty-first century",
        "mid-first millennium BCE",
        "3rd of June 1920",
        "10,000 BC",
        "850 A.D.",
        "1914-1918",
        "1914–18",
        "1999/2000",
        "1999/00",
        "1914 to 1918",
        "1808 until January 1810",
        "206 BC – 9 AD",
        "25–220 AD",
        "AD 600 to 1450",
        "28 to 30 June 1651",
        "June 5–10, 1940",
        "March to June",
        "May and June 1940",
        "9th and 10th centuries",
        "late 18th and early 19th centuries",
        "1960s–70s",
        "13 May 1655 – 7 March 1724",
        "2001 to the spring of 2003",
        "FEB. 2011",
        "SEPT. 5, 1990",
        "12 OCTOBER 1988",
        "MAR. 2009 – 2011",
        "DEC 2010 to Feb. 2011",
        "Nov '07 – Apr. '08",
        "2008-5-9",
        "2008/05/12",
        "2008/5/9",
        "2008.05.12",
        "9.5.2008",
        "09-05-2008",
        "2008-5-9 – 2008-6-1",
        "9.5.2008–1.6.2008",
        "1990–5",
        "1533/4",
    ],
)
@pytest.mark.parametrize("sentence", ["Café: it was {} then.", "{}", "({}), or", "by {}, he"])
def test_dates(date, sentence):
    assert find(sentence.format(date)) == [date.removeprefix("the ")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("in May he may march in March.", ["May", "March"]),
        ("(1879-1955) and 1914–1918", ["1879-1955", "1914–1918"]),
        ("from 1914 to 1918 and 1939", ["1914 to 1918", "1939"]),
        (
            "between May and June 1940, between 1911 and 1913",
            ["May and June 1940", "1911 and 1913"],
        ),
        ("1940 and 1941", ["1940", "1941"]),
        ("in 860 and 907, in the 80s, by May", ["860", "907", "80s"]),
        ("crowned in April 892. In June 100 men", ["April 892", "June"]),
        ("in the eighties; she was in her eighties", ["eighties"]),
        ("the 2008 Olympics; post-1949 films", ["2008", "1949"]),
        ("Kings (662–671)", ["662–671"]),
        ("2001: A Space Odyssey of 1968", ["1968"]),
        ("between 1200 and 1500 men, from 1200 to 1500 km in 1300", ["1300"]),
        ("born 1 January 1900, died 1980.", ["1 January 1900", "1980"]),
        ("May 1, 2000 people came", ["May 1, 2000"]),
        ("Room 1980 in 1981, flight 1999 of 2001", ["1981", "2001"]),
        ("There was no 2012 meeting. Smith, P. 1990.", ["2012", "1990"]),
        ("In 1990 Main Street was new. Windows Server 2016, 2017", ["1990", "2017"]),
    ],
)
def test_several(text, expected):
    assert find(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "1500 km",
        "1,500",
        "1500 people",
        "$1990",
        "1990.5",
        "A1990",
        "1990kg",
        "1200%",
        "he may come",
        "they march on",
        "19905",
        "3000",
        "555-1234",
        "the August personage",
        "Theresa May and Frederic March",
        "April Smith",
        "Boeing 1747 on Route 1966",
        "Windows 2000",
        "ISO 1999",
        "more than 1900",
        "1500–2000 people",
        "a 2000-seat theatre",
        "uranium-235",
        "he scored his first century",
        "20th Century Fox",
        "the mid-to-high 30s",
        "a 64–40 victory",
        "at 10:30",
        "ten years, aged 45",
        "in 500 cities",
        "Suite 2000",
        "suite no. 1990, Apt. #1985",
        "rooms 1990 and 1991",
        "pp. 1990-1995",
        "Visual Studio 2010 on Windows Server 2012",
        "a Peugeot 2008 at gate 1912",
        "#1999, №1999 and § 1999",
        "we met at 2000 North Oak Street",
        "2008-13-45",
        "2008-5-99",
        "2008-5-9-1",
        "2000-235",
        "2000/1/2/3",
        "2008.5.9.1",
        "1990-1234567",
        "",
    ],
)
def test_not_dates(text):
    assert find(text) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Er kam am 5. Mai 1990 nach Köln.", ["5. Mai 1990"]),
        ("Vom 28. bis 30. Juni 1651 und am 12.05.2008", ["28. bis 30. Juni 1651", "12.05.2008"]),
        ("Im März und seit Mai 1920", ["März", "Mai 1920"]),
        ("Sonntag, den 7. Dezember 1941", ["Sonntag, den 7. Dezember 1941"]),
        ("im 19. Jahrhundert, im 3. Jh. v. Chr.", ["19. Jahrhundert", "3. Jh. v. Chr."]),
        ("in den 1990er Jahren, Ende der 1960er", ["1990er Jahren", "Ende der 1960er"]),
        ("von 1914 bis 1918, 1939–45", ["1914 bis 1918", "1939–45"]),
        ("zwischen 1911 und 1913; Anfang 1992", ["1911 und 1913", "Anfang 1992"]),
        ("44 v. Chr. und im Jahr 476, im Sommer 1969", ["44 v. Chr.", "476", "Sommer 1969"]),
        ("im 9. und 10. Jahrhundert", ["9. und 10. Jahrhundert"]),
        ("1500 Einwohner, Nr. 1999, über 1200, das 3. Kapitel", []),
        ("am 2008-5-9, 2008/5/9 und 9.5.2008", ["2008-5-9", "2008/5/9", "9.5.2008"]),
        ("Raum 1990, Flug Nr. 1999, 2000-235, 2008-13-45 und Linie 2000/2001", []),
    ],
)
def test_german(text, expected):
    assert find(text, "de") == expected


def test_own_rules(tmp_path):
    path = tmp_path / "fr.yaml"
    path.write_text(
        "language: fr\nwords: {mois: [mai, août]}\nparts: {an: '[12][0-9]{3}'}\n"
        "never: ['no {an}']\ndates: ['[0-9]{1,2} {mois} {an}', '{an}']\n",
        encoding="utf-8",
    )
    assert find("le 5 août\u00a01990, no 1991, 1992", str(path)) == ["5 août\u00a01990", "1992"]
    assert dates.load(str(path)).language == "fr"


def test_borders_in_scripts_without_white_space(tmp_path):
    path = tmp_path / "ja.yaml"
    path.write_text("language: ja\ndates: ['[12][0-9]{3}年', '[12][0-9]{3}']\n", encoding="utf-8")
    assert find("彼は1990年に生まれ、2001年に, 1999で, a1998", str(path)) == [
        "1990年",
        "2001年",
        "1999",
    ]


def test_none_finds_nothing():
    assert find("On 5 May 1990", "none") == []


def test_rules_have_fingerprints_of_their_own():
    assert len({dates.load(name).fingerprint for name in ("en", "de", "none")}) == 3


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("xx", "There are no date rules for 'xx'. Valid for tagging.dates: de, en, none, or"),
        ("nowhere.yaml", "No such file: nowhere.yaml"),
    ],
)
def test_unknown_rules(name, message):
    with pytest.raises(types.UserError, match=message):
        dates.load(name)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("dates: [1", "is not valid YAML"),
        ("[1]", "need at least the keys language and dates"),
        ("language: fr", "need at least the keys language and dates"),
        ("language: fr\ndates: a", "the key 'dates' must be a list"),
        ("language: fr\ndates: [a]\nunits: []", "the key 'units' is none of language"),
        ("language: fr\ndates: ['{mois}']", r"names \{mois\}, which is neither among the words"),
        ("language: fr\ndates: ['(a']", "is not a regular expression: missing"),
        ("language: fr\ndates: ['(?:a+)b']", "repeats without bound"),
        ("language: fr\nparts: {x: 'a{2,}'}\ndates: ['{x}']", r"rules.yaml: parts.x: 'a\{2,\}'"),
        ("language: fr\ndates: ['a?']", "matches the empty text"),
        ("language: fr\nwords: {x: []}\ndates: ['a']", "words.x is not a list of words"),
    ],
)
def test_rules_that_are_not_understood(tmp_path, text, message):
    path = tmp_path / "rules.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(types.UserError, match=message):
        dates.load(str(path))


def test_signs_of_repetition_may_be_looked_for(tmp_path):
    path = tmp_path / "rules.yaml"
    path.write_text("language: xx\ndates: ['[*+][0-9]\\+']", encoding="utf-8")
    assert find("a *1+ b +2+", str(path)) == ["*1+", "+2+"]


_ADVERSARIES = ("1", "1990-", "May ", "1990 to ", "early ", "January 1 and ", "12 to ", "(100–")
_ADVERSARIES += ("first to the ", "a", " ", "mid-to-", "5. Mai bis ", "der 1. bis ", "3, ")
_ADVERSARIES += ("Room ", "2008-5-", "1.1.", "at 2000 Oak ", "pages 1990 and ")


@pytest.mark.parametrize("rules", ["en", "de"])
@pytest.mark.parametrize("part", _ADVERSARIES)
def test_time_grows_with_the_length_alone(rules, part):
    """A million characters take the time of ten times a hundred thousand, and not of a hundred."""
    found = dates.load(rules)

    def seconds(length: int) -> float:
        text = part * (length // len(part))
        started = time.process_time()
        found.find(text)
        return time.process_time() - started

    short = min(seconds(100_000) for _ in range(2))
    assert seconds(1_000_000) < 40 * max(short, 0.005)
