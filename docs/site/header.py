"""The reference of the C ABI as a page: the comments and declarations of include/udfrunner.h.

What is known of the header's form: chapters begin with a line of dashes; blocks are separated by
empty lines; a block is a comment and what it says something of. In comments a list is of lines
that begin with a name, or that are indented; a deeper line goes on with the item before it.
"""

from __future__ import annotations

import html
import re

_CHAPTER = re.compile(r"/\* -{5,} (.+?) \*/")
_GENERATED = re.compile(r"/\* generated: .*? \*/\n")
_COMMENT = re.compile(r"\s*/\*(.*?)\*/\n?", re.DOTALL)
_NAME = re.compile(r"^(?:typedef struct )?(?:[\w ]+[ *])?(\w+)(?: \{|\()")
_PARAMETER = re.compile(r"^ *(\w+) +(\[(?:in|out)[^\]]*\]) *(.*)$")
_ITEM = re.compile(r"^(?:(\w+): | +(\S+) {2,}| +(\d[^:]*): )(.*)$")
_CODE = re.compile(r"`[^`]*`|(?<![\w./-])(?:\w*_\w+\*?|[A-Z]{2,}(?:_[A-Z]+)*)(?![\w/-])")
#: Words in capitals that are no names of the ABI's.
_PLAIN = {
    "ABI",
    "CANONICAL",
    "DDL",
    "IPC",
    "JNI",
    "JSON",
    "JVM",
    "NUL",
    "PARTITION",
    "BY",
    "RDD",
    "UTC",
}
_PLAIN |= {"RDDS", "SQL", "TEXT", "UTF", "API", "GC", "OOM", "BLAS", "CPU", "IO"}


def page(text: str) -> str:
    """The page, of the header's text."""
    manual, _, rest = text.partition("#ifndef UDFRUNNER_H")
    lines = ["# C API", "", *_manual(manual)]
    parts = _CHAPTER.split(_GENERATED.sub("", rest))
    for title, chapter in zip(parts[1::2], parts[2::2], strict=True):
        lines += [f"## {title}", ""]
        for block in _blocks(chapter):
            lines += _block(block)
    return "\n".join(lines) + "\n"


def _manual(text: str) -> list[str]:
    """The comment at the header's top: chapters under titles in capitals."""
    comment = _COMMENT.match(text)
    assert comment, "the header begins with a comment"
    lines: list[str] = []
    for part in re.split(r"^([A-Z]{4,})$", "\n".join(_words(comment[1])[2:]), flags=re.MULTILINE):
        if re.fullmatch("[A-Z]{4,}", part):
            lines += [f"## {part.capitalize()}", ""]
            continue
        for paragraph in part.strip("\n").split("\n\n"):
            lines += [_marked(" ".join(paragraph.split())), ""]
    return lines


def _blocks(chapter: str) -> list[str]:
    """What is between empty lines, without what closes the header."""
    chapter = chapter.partition("\n#ifdef __cplusplus\n}")[0]
    blocks: list[str] = []
    for block in chapter.strip("\n").split("\n\n"):
        if blocks and blocks[-1].rfind("/*") > blocks[-1].rfind("*/"):  # within a comment
            blocks[-1] += f"\n\n{block}"
        else:
            blocks.append(block)
    return [block for block in blocks if not re.fullmatch(r"(#(ifndef|define|endif).*\n?)*", block)]


def _block(block: str) -> list[str]:
    """A block: its name as a heading, what it declares, what its comment says."""
    comment = _COMMENT.match(block)
    code = block[comment.end() :] if comment else block
    name = _NAME.match(code)
    lines = [f"### {name[1]}", ""] if name else []
    if name:
        lines += _declared(code)
    lines += _said(_words(comment[1])) if comment else []
    if not name:
        lines += _declared(code)
    return lines


def _declared(code: str) -> list[str]:
    return ["```c", code.strip("\n"), "```", ""] if code.strip() else []


def _words(comment: str) -> list[str]:
    """A comment's lines without their stars; what they are indented by is kept."""
    lines = [re.sub(r"^ \* ?", "", line).rstrip() for line in comment.split("\n")]
    return [lines[0].strip(), *lines[1:]]


def _said(words: list[str]) -> list[str]:
    """A comment as paragraphs and lists."""
    parts: list[tuple[str, str]] = []  # what begins it, and its text
    for line in words:
        parameter, item = _PARAMETER.match(line), _ITEM.match(line)
        if parameter:
            parts.append((f"- `{parameter[1]}` *{parameter[2]}* ", parameter[3]))
        elif line.lstrip().startswith("returns "):
            parts.append(("**Returns** ", line.lstrip().removeprefix("returns ")))
        elif item:
            parts.append((f"- `{item[1] or item[2] or item[3]}`: ", item[4]))
        elif parts and (line.startswith(" ") or not parts[-1][0]):
            parts[-1] = (parts[-1][0], f"{parts[-1][1]} {line.strip()}")
        elif line:
            parts.append(("", line))
    lines: list[str] = []
    for begin, text in parts:
        if not (begin.startswith("- ") and lines and lines[-1].startswith("- ")):
            lines.append("")
        lines.append(begin + _marked(text))
    return [*lines, ""]


def _marked(text: str) -> str:
    """Text with names as code, and without HTML."""

    def code(found: re.Match[str]) -> str:
        word = found[0].strip("`")
        return word if word.upper() in _PLAIN and word.isupper() else f"`{word}`"

    return re.sub(
        r"\\since (\S+)", r"*Since ABI \1.*", _CODE.sub(code, html.escape(text, quote=False))
    )
