# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Text of those Wikipedia templates ({{convert}}, {{lang}}, ...) that are part of a sentence.

Infoboxes, navigation, citations and maintenance show no prose and are dropped. What stands in a
sentence would leave a hole: "a distance of  to the coast". For some templates it is known what they
show; any other that stands in a sentence and has one argument, and no more, shows that.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Mapping

_SIGNS = {
    "ndash": "\u2013",
    "mdash": "\u2014",
    "spaced ndash": " \u2013 ",
    "snd": " \u2013 ",
    "spnd": " \u2013 ",
    "spaced mdash": " \u2014 ",
    "nbsp": " ",
    "'": "'",
    "'s": "'s",
    "pipe": "|",
    "!": "|",
    "=": "=",
    "ampersand": "&",
    "times": "\u00d7",
    "minus": "\u2212",
}

# Those that show their first argument, and those that show their second.
_FIRST = (
    "abbr|big|block quote|blockquote|cquote|em|ill|interlanguage link|linktext|mvar|nihongo"
    "|nobold|nobr|nobreak|noitalic|not a typo|nowr|nowrap|proper name|quotation|quote|sic|small"
    "|smaller|strong|tooltip|val|var"
)
_SECOND = "lang|langx|rtl-lang|transl|transliteration|wikt-lang"
_SHOWN = {**dict.fromkeys(_FIRST.split("|"), "1"), **dict.fromkeys(_SECOND.split("|"), "2")}
_NAMES_OF_FIRST = ("text", "quote", "1")
_CIRCA = ("circa", "c.", "ca.")
_CONVERT = ("convert", "cvt")
_FRACTION = ("frac", "sfrac", "fraction")
_BETWEEN = ("-", "\u2013", "to", "and", "by", "x", "or")
_NUMBER = re.compile(r"[-\u2212+]?\.?\d")
# Of what has one argument in a sentence: notes, marks of doubt, places in the page, pictures.
_HIDDEN = re.compile(
    r"(?:cit|efn|fn|harv|note|ref|sfn|see|anchor|flagicon|icon|image|file|audio|listen|coord|toc"
    r"|main|further|clarif|dubious|verif)|(?:r|rp|cn|fact|who|whom|when|where|which|page needed)$"
)
_LONGEST = 60  # characters of what stands in a sentence; what is longer is a note


def _grouped(number: str, option: str = "") -> str:
    """A number as {{formatnum:}} shows it in English."""
    if option:  # "R" takes the marks away, "NOSEP" makes none
        return number.replace(",", "")
    return re.sub(r"(?<![.\d])\d+", _in_thousands, number)


def _in_thousands(digits: re.Match[str]) -> str:
    start, limit = digits.span()
    first = start + ((limit - start) % 3 or 3)
    return ",".join(digits.string[max(start, at - 3) : at] for at in range(first, limit + 1, 3))


_FUNCTIONS: Mapping[str, Callable[[str, Mapping[str, str]], str]] = {
    "formatnum": lambda text, rest: _grouped(text, rest.get("1", "")),
    "lc": lambda text, _: text.lower(),
    "uc": lambda text, _: text.upper(),
    "lcfirst": lambda text, _: text[:1].lower() + text[1:],
    "ucfirst": lambda text, _: text[:1].upper() + text[1:],
    "#if": lambda text, rest: rest.get("1" if text else "2", ""),
    "#ifeq": lambda text, rest: rest.get("2" if text == rest.get("1", "") else "3", ""),
}


def shown(name: str, arguments: Mapping[str, str], *, in_sentence: bool = False) -> str:
    """The text that a Wikipedia template, or a parser function, shows in running text.

    Args:
      name: Name of the template as it is written, without white space around it; of a function,
        such as "formatnum:1234", with its first argument.
      arguments: Text of the other arguments by name: positional ones are "1", "2", ...
      in_sentence: Whether the template stands between the words of a sentence.

    Returns:
      Text; empty for a template that shows none.
    """
    key = name.lower().replace("_", " ").removeprefix("template:")
    function, colon, _ = key.partition(":")
    if colon:
        made = _FUNCTIONS.get(function.strip())
        return made(name.partition(":")[2].strip(), arguments) if made else ""
    if key in _SIGNS:
        return _SIGNS[key]
    if key.startswith("lang-"):
        return arguments.get("1", "")
    if key in _SHOWN:
        named = _NAMES_OF_FIRST if _SHOWN[key] == "1" else (_SHOWN[key],)
        return next((arguments[n] for n in named if n in arguments), "")
    if key in _PHRASES:
        return _PHRASES[key](_positional(arguments))
    if in_sentence and set(arguments) == {"1"} and not _HIDDEN.match(key):
        return arguments["1"] if len(arguments["1"]) <= _LONGEST else ""
    return ""


def _positional(arguments: Mapping[str, str]) -> list[str]:
    found: list[str] = []
    while (place := str(len(found) + 1)) in arguments:
        found.append(arguments[place])
    return found


def _measure(arguments: list[str]) -> str:
    """The first measure of {{convert}}: its numbers and the units that they are given in."""
    taken: list[str] = []
    for place, argument in enumerate(arguments):
        taken.append({"-": "to", "by": "by", "x": "by"}.get(argument, argument))
        if argument not in _BETWEEN and not _NUMBER.match(argument):
            rest = arguments[place + 1 : place + 3]  # "5 ft 6 in", but not "5 km" and its precision
            if len(rest) < 2 or not _NUMBER.match(rest[0]) or _NUMBER.match(rest[1]):
                break
    return " ".join(taken)


def _date(arguments: list[str]) -> str:
    """A date, of its year, month and day in numbers, or as it is."""
    if len(arguments) < 2 or not arguments[1].isdecimal() or not 0 < int(arguments[1]) < 13:
        return " ".join(arguments)
    month = calendar.month_name[int(arguments[1])]
    return " ".join([month, *(f"{day}," for day in arguments[2:3]), arguments[0]])


def _fraction(arguments: list[str]) -> str:
    """A fraction: "1/2", "3 1/2"; one number is what stands below."""
    parts = ["1", *arguments] if len(arguments) == 1 else arguments
    return " ".join([*parts[:-2], "/".join(parts[-2:])])


_PHRASES: Mapping[str, Callable[[list[str]], str]] = {
    **dict.fromkeys(_CONVERT, _measure),
    **dict.fromkeys(_CIRCA, lambda years: " \u2013 ".join(f"c. {y}" for y in years) or "c."),
    **dict.fromkeys(_FRACTION, _fraction),
    "as of": lambda arguments: f"as of {_date(arguments)}",
    "start date": _date,
    "end date": _date,
}
