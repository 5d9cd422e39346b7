"""Unit conversion: "convert 10 miles to km", "how many feet in 3 metres", "100 F in C"."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import TYPE_CHECKING, Final

import attrs

from geppetto.offline.skills.numbers import NUMBER, TooBig, digits_for_words, grouped, parse, tell

if TYPE_CHECKING:
    from geppetto.offline.skills.request import Request


@attrs.frozen(kw_only=True)
class Unit:
    """A unit of one quantity: value in the base unit = value * factor + offset."""

    quantity: str
    one: str
    many: str
    factor: Fraction
    offset: Fraction = Fraction(0)

    def said(self, value: str) -> str:
        """Return "1 mile" or "10 miles"."""
        return f"{value} {self.one if value in ('1', '-1') else self.many}"


# quantity; then one line a unit: factor to the base unit | singular | plural | what else people write
_TABLE: Final = {
    "length": """
        0.000000001 | nanometre | nanometres | nm nanometer nanometers
        0.000001 | micrometre | micrometres | µm um micron microns micrometer micrometers
        0.001 | millimetre | millimetres | mm millimeter millimeters
        0.01 | centimetre | centimetres | cm centimeter centimeters
        1 | metre | metres | m meter meters
        1000 | kilometre | kilometres | km kms kilometer kilometers
        0.0254 | inch | inches | in
        0.3048 | foot | feet | ft
        0.9144 | yard | yards | yd yds
        1609.344 | mile | miles | mi
        1852 | nautical mile | nautical miles | nmi
    """,
    "mass": """
        0.000001 | milligram | milligrams | mg
        0.001 | gram | grams | g gramme grammes
        1 | kilogram | kilograms | kg kgs kilo kilos kilogramme kilogrammes
        1000 | tonne | tonnes | t
        0.028349523125 | ounce | ounces | oz
        0.45359237 | pound | pounds | lb lbs
        6.35029318 | stone | stone | stones
    """,
    "volume": """
        0.001 | millilitre | millilitres | ml milliliter milliliters
        0.01 | centilitre | centilitres | cl centiliter centiliters
        1 | litre | litres | l liter liters
        1000 | cubic metre | cubic metres | m3 m³
        3.785411784 | US gallon | US gallons | gallon gallons gal
        4.54609 | imperial gallon | imperial gallons | uk_gallon uk_gallons
        0.473176473 | US pint | US pints | pint pints
        0.2365882365 | cup | cups |
        0.0147867647828125 | tablespoon | tablespoons | tbsp
        0.00492892159375 | teaspoon | teaspoons | tsp
        0.0295735295625 | US fluid ounce | US fluid ounces | fluid_ounce fluid_ounces fl_oz
    """,
    "speed": """
        1 | metre per second | metres per second | m/s mps meter_per_second meters_per_second
        5/18 | kilometre per hour | kilometres per hour | km/h kmh kph kilometers_per_hour
        0.44704 | mile per hour | miles per hour | mph
        463/900 | knot | knots | kn kt
        0.3048 | foot per second | feet per second | ft/s
    """,
    "time": """
        0.001 | millisecond | milliseconds | ms msec
        1 | second | seconds | s sec secs
        60 | minute | minutes | min mins
        3600 | hour | hours | h hr hrs
        86400 | day | days | d
        604800 | week | weeks | wk
        1209600 | fortnight | fortnights |
        31556952 | year | years | yr yrs
    """,
    "data": """
        0.125 | bit | bits |
        1 | byte | bytes | b
        1000 | kilobyte | kilobytes | kb
        1000000 | megabyte | megabytes | mb
        1000000000 | gigabyte | gigabytes | gb
        1000000000000 | terabyte | terabytes | tb
        1024 | kibibyte | kibibytes | kib
        1048576 | mebibyte | mebibytes | mib
        1073741824 | gibibyte | gibibytes | gib
        1099511627776 | tebibyte | tebibytes | tib
        125 | kilobit | kilobits | kbit
        125000 | megabit | megabits | mbit
        125000000 | gigabit | gigabits | gbit
    """,
}


def _read_table() -> dict[str, Unit]:
    known: dict[str, Unit] = {}
    for quantity, lines in _TABLE.items():
        for line in lines.strip().splitlines():
            size, one, many, others = (part.strip(" ") for part in line.split("|"))
            unit = Unit(quantity=quantity, one=one, many=many, factor=Fraction(size))
            names = [one, many, *others.split(" ")]
            known.update({name.lower().replace("_", " "): unit for name in names if name})
    for one, letter, factor, offset in (
        ("Celsius", "c", Fraction(1), Fraction("273.15")),
        ("Fahrenheit", "f", Fraction(5, 9), Fraction("459.67") * 5 / 9),
        ("kelvin", "k", Fraction(1), Fraction(0)),
    ):
        name = one if one == "kelvin" else f"degrees {one}"
        single = name.replace("degrees", "degree")
        unit = Unit(quantity="temperature", one=single, many=name, factor=factor, offset=offset)
        for known_as in (one.lower(), f"degrees {one.lower()}", f"degree {one.lower()}"):
            known[known_as] = unit
        for known_as in (letter, f"°{letter}", f"° {letter}", f"degrees {letter}"):
            known[known_as] = unit
    known["centigrade"] = known["celsius"]
    return known


UNITS: Final = _read_table()
_NAMES: Final = "|".join(re.escape(name) for name in sorted(UNITS, key=len, reverse=True))
_VALUE: Final = rf"(?P<value>[-−]?{NUMBER}|an?|minus {NUMBER})"
_FROM, _TO = rf"(?P<source>{_NAMES})", rf"(?P<target>{_NAMES})"
_QUESTIONS: Final = tuple(
    re.compile(pattern)
    for pattern in (
        rf"^(?:(?:convert|what(?:'s| is| are)|how much (?:is|are)|change|turn) )?{_VALUE} ?{_FROM} "
        rf"(?:in|to|into|as) {_TO}$",
        rf"^how many {_TO} (?:are |is |are there |is there )?(?:in |make |to )?{_VALUE} ?{_FROM}$",
        rf"^how (?:much|many) (?:is |are )?{_VALUE} ?{_FROM} (?:in|to|into) {_TO}$",
        rf"^{_VALUE} ?{_FROM} (?:is|are|equals?|=) how many {_TO}$",
    )
)


def answer(request: Request) -> str | None:
    """Answer a conversion between two units that the table knows."""
    if request.is_longer_than(200):
        return None
    plain = digits_for_words(request.plain)
    match = next((found for question in _QUESTIONS if (found := question.search(plain))), None)
    if match is None:
        return None
    source, target = UNITS[match["source"]], UNITS[match["target"]]
    if source.quantity != target.quantity:
        what = f"{_start(source.many)} measure {source.quantity} and {target.many} {target.quantity}"
        return f"{what}: I cannot convert them."
    try:
        value = _signed(match["value"])
    except TooBig:
        return "That number is too big for me."
    base = value * source.factor + source.offset
    if source.quantity == "temperature" and base < 0:
        return "That is colder than absolute zero, where temperature ends."
    told = tell((base - target.offset) / target.factor)
    amount = told.removeprefix("about ")
    about = "about " if amount != told else ""
    return f"{_start(source.said(_typed(value)))} is {about}{target.said(amount)}."


def _start(text: str) -> str:
    return text[0].upper() + text[1:]


def _signed(text: str) -> Fraction:
    if text in ("a", "an"):
        return Fraction(1)
    number = re.sub(r"^(?:[-−]|minus )", "", text)
    return parse(number) if number == text else -parse(number)


def _typed(value: Fraction) -> str:
    """Return the number that the user gave, all its digits: it is not ours to round."""
    if value.denominator == 1:
        return grouped(value.numerator)
    places = 0
    while (value * 10**places).denominator != 1:
        places += 1
    whole, rest = divmod(abs((value * 10**places).numerator), 10**places)
    return f"{'-' if value < 0 else ''}{grouped(whole)}.{rest:0{places}}"
