"""Turns the raw doc of a definition into a one-sentence reference, or says why it cannot.

The rules are those of the development set A: the first sentence, markup removed, 4 to 25 words, a final
period, and none of the kinds of text that say nothing about the code.
"""
import html
import re

STOP = set("""a an and any are as at be been by can could do does each for from had has have if in into
is it its may more no not of on or so some such than that the their them then there these this those to
was were when where which will with would used using use given method function class object""".split())

ABBREVIATIONS = re.compile(r"(?:\b(?:e\.g|i\.e|etc|vs|cf|approx|incl|resp|no|dr|mr|fig|eq|a\.k\.a|esp|viz|al))\.$", re.I)

REJECT = [
    ("todo", re.compile(r"\b(todo|fixme|xxx|hack|wip)\b", re.I)),
    ("deprecated", re.compile(r"\b(deprecat\w*|obsolete|no longer (used|supported)|legacy alias)\b", re.I)),
    ("see", re.compile(r"^see\b|\bsee (?!if|whether|how)\w|\brefer to\b|(^|\bis |^just )like\b|^overload|"
                       r"\b(same|identical|equivalent|similar|analogous|identically|similarly) (as|to)\b|"
                       r"^(like|alias|shorthand|convenience|synonym|overload|variant|version|wrapper|"
                       r"shortcut|inverse|counterpart|companion) (for|of|to|around|version)?\b.{0,40}$|"
                       r"\b(above|below|following|previous) (function|method|example|code)\b|"
                       r"^(an? )?(alias|synonym)\b|\bdocumented (in|at|by)\b|\{@inherit", re.I)),
    ("person", re.compile(r"(?<![/\w.])i(?![/\w.])|\b(we|our|us|me|my|you|your|yours|yourself|let's|we're|we've|we'll|"
                          r"you're|you'll|i'm|i've|please)\b", re.I)),
    ("usage", re.compile(r"^(note|notes|warning|caution|important|nb|n\.b|usage|example|examples|"
                         r"hint|tip|caveat|attention|danger|"
                         r"this (should|must)|do not|don't|must|should|never|always|call this|"
                         r"callers?|beware|only|also|but|and|or|however|now|here|ok|hmm|oh|well|"
                         r"requires?|license|copyright|author|since|version|eslint|prettier|istanbul|"
                         r"nolint|noinline|jshint|some|many|most|it's|it|there|assum\w+|(this|the) \w+ assumes|part of|"
                         r"because|when a sequence|this is a (little|bit)|be nice)\b|\bmust (only )?be (held|called|used)\b|\bmay only be\b", re.I)),
    ("return codes", re.compile(r"^(returns?|return value)?:?\s*(-?\d+|null|true|false|[A-Z_]{3,})\s*"
                                r"(if|on|for|=|:)?.{0,30}[,;] ?-?\d+|\b0 (on|for|if) \w+,? .*-?1\b|"
                                r"^-?\d", re.I)),
    ("code-like", re.compile(r"[{}=;|\\$@*^~<>\[\]`#]|->|=>|::\w+::|\w\(\w|\)\.|\.\.|//|https?:|"
                             r"\b\w+\.\w+\.\w+\.\w|%\w|&\w|\"\"|^[\W\d]")),
    ("no statement", re.compile(r"^(this|the|an?) (\w+ )?(function|method|class|file|module|constructor|"
                                r"struct|structure|type|implementation)( for| of)?( \S+)?\.?$|"
                                r"^(default )?(constructor|getter|setter|destructor)\b.{0,25}$|"
                                r"\b(written|created|implemented|contributed) by\b|"
                                r"\bself[- ]explanatory\b|\bmagic\b|^(does|is|are|do|did|can|could|has|have|what|why|who)\b|"
                                r"^(construct|create|build|initiali[sz]e)s? (a |an )?(new )?(instance|object)$|"
                                r"^(misspelled|making|this file should)\b|\bfor backwards? compatibility\b", re.I)),
    ("no sentence", re.compile(r"\w\. (?!e\.g|i\.e)[a-z]|\b(the|an?|of|to|with|and|or|by|from|is|are|that|this|"
                               r"its|if|when|for|as)$|^\w+:\s*$", re.I)),
]


def unmark(doc, language):
    """The doc's lines without comment marks."""
    doc = doc.strip()
    if language == "python":
        doc = re.sub(r"^[rRuUbBfF]*(\"\"\"|'''|\"|')", "", doc)
        doc = re.sub(r"(\"\"\"|'''|\"|')$", "", doc)
        return [line.strip() for line in doc.split("\n")]
    lines = []
    for line in doc.split("\n"):
        line = line.strip()
        line = re.sub(r"^(/\*+!?<?|//[/!]?<?|\*+(?!/)(?![*\w])|\*\*?(?=\s|$))", "", line, count=1)
        line = re.sub(r"\*+/$", "", line)
        lines.append(line.rstrip())
    return [line.strip() for line in lines]


BLOCK = re.compile(r"^(@(?!desc|description|brief|file|fileoverview|overview|module|summary|link|code|"
                   r"literal|value|category|internal|private|protected|public|name|static|memberof|"
                   r"method|function|class|alias|ignore|api|hidden|kind|license|exports|since|package|"
                   r"author|interface)|"
                   r"\\(param|return|retval|note|see)|:\w+[^:`]*:(?!`)|\.\. |```|~~~|#+ |[-=_]{3,}$|"
                   r">>> |\||<(pre|ul|ol|table|dl|h\d|hr)\b|(args|arguments|parameters|params|returns?|"
                   r"raises|yields|examples?|usage|notes?|input|inputs|output|attributes|since|see also|"
                   r"warning|keyword arguments)\s*:+\s*$)", re.I)
NO_TEXT = re.compile(r"^@(category|internal|private|protected|public|name|static|memberof|method|function|"
                     r"class|alias|ignore|api|hidden|kind|license|exports|since|package|module|author|"
                     r"interface)\b.*$", re.I)
BULLET = re.compile(r"^([-*+o\u2022]|\(?[\da-zA-Z][.)])\s+|^<li>", re.I)


def is_name(line, symbol):
    bare = re.sub(r"[\s`*:.()_-]|<[^>]*>", "", line).lower()
    return bool(symbol) and bare == re.sub(r"[^a-z0-9]", "", symbol.lower())


STARTS = re.compile(r"(The|This|These|There|It|If|Returns?|Note|Use|Used|Only|When|For|In|An?|Also|Will|Must|"
                    r"Should|Can|To|By|Each|All|Because|Since|As|On|Otherwise|However|Should|We|You)\b")
SHORT_LINE = 55


def starts_sentence(before, line):
    """Whether `line` opens a sentence although the line before it has no period."""
    if before.endswith((".", "!", "?", ":", ",", ";", "-", "(")) or not re.match(r"[A-Z][a-z]*\b", line):
        return False
    if re.search(r"\b(the|an?|of|to|in|for|with|and|or|by|from|on|is|as|that|this)$", before):
        return False
    return bool(STARTS.match(line)) or len(before) < SHORT_LINE and bool(re.match(r"[A-Z][a-z]+ [a-z]", line))


def paragraph(lines, symbol):
    """The first paragraph of prose; a heading that only names the symbol is passed over."""
    out = []
    for i, line in enumerate(lines):
        line = NO_TEXT.sub("", line) if not out else line
        line = re.sub(r"^[@\\](desc|description|brief|fileoverview|overview|file|summary)\b:?\s*", "", line, flags=re.I)
        if re.match(r"^[-=*#_+/ ]+$", line):
            line = ""
        if line == "":
            if out:
                break
            continue
        if BLOCK.match(line):
            if not out and line.startswith("#"):
                continue
            break
        underlined = i + 1 < len(lines) and re.match(r"^[-=~^]{3,}$", lines[i + 1])
        if not out and (is_name(line, symbol) or underlined or re.fullmatch(r"[\w.:/-]+(\(.*\))?;?", line)):
            continue
        if BULLET.match(line):
            if out:
                out[-1] += " :"
            break
        if out and starts_sentence(out[-1], line):
            break
        out.append(line)
    return " ".join(out)


def unmarkup(text, language):
    text = re.sub(r"<!--.*?-->", "", text)
    text = re.sub(r"\{@(?:link|linkplain|tutorial|see)\s+([^}]*)\}", lambda m: link_label(m[1]), text)
    text = re.sub(r"\{@(?:code|literal|value)\s+([^}]*)\}", r"\1", text)
    text = re.sub(r"\[([^\]\[]+)\]\{@link\s[^}]*\}", r"\1", text)
    text = re.sub(r"!\[[^\]]*\]\([^)]*\)", "", text)
    text = re.sub(r"\[`?([^\]\[]+?)`?\]\((?:[^()]|\([^)]*\))*\)", r"\1", text)
    text = re.sub(r"\[`?([^\]\[]+?)`?\]\[[^\]]*\]", r"\1", text)
    if language == "python":
        text = re.sub(r":[a-zA-Z:+-]+:`([^`]*)`", lambda m: role_label(m[1]), text)
        text = re.sub(r"`([^`<]+?)\s*<[^>]*>`_+", r"\1", text)
        text = re.sub(r"`([^`]+)`_+", r"\1", text)
        text = re.sub(r"(?<!`)`[~.!]+([\w.]+)`(?!`)", r"\1", text)
    if language in ("rust", "go", "javascript", "typescript"):
        text = re.sub(r"\[`?([A-Za-z_][\w:.!#()<>, ]*?)`?\](?!\[)", r"\1", text)
        text = re.sub(r"`(?:(?:fn|struct|enum|macro|trait|mod)@)?([^`]*)`", r"\1", text)
    text = re.sub(r"``([^`]*)``", r"\1", text)
    text = re.sub(r"`([^`']*)[`']", r"\1", text)
    text = re.sub(r"[@\\](?:p|a|c|e|ref|em|b)\s+(?=\w)", "", text)
    text = re.sub(r"</?(?:p|code|i|b|em|strong|tt|a|br|span|var|kbd|sup|sub|samp|cite|u|small)(?:\s[^>]*)?/?>", " ", text, flags=re.I)
    text = html.unescape(text)
    text = re.sub(r"\*\*([^*]+)\*\*", r"\1", text)
    text = re.sub(r"(?<![\w*])\*([^*\s][^*]*)\*(?![\w*])", r"\1", text)
    text = re.sub(r"(?<![\w_])_([A-Za-z][^_]*)_(?![\w_])", r"\1", text)
    text = text.replace("\u2019", "'").replace("\u2018", "'").replace("\u201c", '"').replace("\u201d", '"')
    text = re.sub(r"\s+", " ", text)
    return re.sub(r"\s+([,.;:!?)])(?=\s|$)", r"\1", text).strip()


def link_label(body):
    body = body.strip()
    parts = re.split(r"\s*\|\s*|(?<=[\w)\]>])\s+(?![^(]*\))", body, maxsplit=1)
    if len(parts) == 2 and parts[1]:
        return parts[1]
    return re.sub(r"\(.*\)$", "", body).lstrip("#").replace("#", ".")


def role_label(body):
    m = re.match(r"(.*?)\s*<[^>]*>$", body)
    if m:
        return m[1]
    return body[1:].split(".")[-1] if body.startswith("~") else body.lstrip("!.~")


def first_sentence(text):
    depth = 0
    for i, ch in enumerate(text):
        depth += (ch == "(") - (ch == ")")
        if ch in ".!?" and (i + 1 == len(text) or text[i + 1] == " "):
            if ch == "." and i + 1 < len(text):
                if ABBREVIATIONS.search(text[:i + 1]) or depth > 0 or re.match(r" [a-z]", text[i + 1:]):
                    continue
            return text[:i + 1]
    return text


def cut_symbol(text, symbol, language, is_file):
    """Cuts a leading name as Go and C docs write it."""
    if language in ("rust", "python") or not symbol and not is_file:
        return text
    names = r"(?:package|module)\s+[\w./-]+" if is_file else f"[{symbol[0]}{symbol[0].swapcase()}]" + re.escape(symbol[1:])
    if is_file:
        names += r"|[\w-]+\.(?:c|h|js|ts|java)"
    if language == "c" and symbol:
        names += r"|\w*" + re.escape(symbol)
    after = r"(?:\([^)]*\))?(?:\s*(?:--?|:)\s+"
    if language in ("go", "c") or is_file:
        after += r"|\s+(?:is|are)\s+(?=[a-z])|\s+(?!(?:this|its|as|is|has|was)\b)(?=[a-z][a-z-]*s\b)"
    after += ")"
    return re.sub(r"^(?:the\s+)?(?:" + names + r")" + after, "", text, count=1, flags=re.I if is_file else 0)


def content_words(text):
    return [w for w in re.findall(r"[A-Za-z][A-Za-z'-]+", text.lower()) if w not in STOP]


def stem(word):
    for end in ("ations", "ation", "ings", "ing", "ies", "es", "ed", "s", "e", "y"):
        if word.endswith(end) and len(word) - len(end) >= 3:
            return word[:-len(end)]
    return word


def stems(text):
    return frozenset(stem(w) for w in re.findall(r"[a-z0-9]+", text.lower()))


def reference(doc, symbol, language, is_file=False):
    """(reference, None), or (None, reason)."""
    if re.search(r"[@\\]deprecated\b|\.\. deprecated::|^\W*deprecated\b", doc, re.I | re.M):
        return None, "deprecated"
    text = paragraph(unmark(doc, language), symbol)
    if not text:
        return None, "no prose"
    sentence = first_sentence(unmarkup(text, language)).strip()
    sentence = cut_symbol(sentence, symbol, language, is_file)
    if sentence.endswith("?") or "?" in sentence:
        return None, "question"
    sentence = sentence.rstrip(" .!,-")
    if sentence.endswith((":", ";")) or re.search(r"\b(following|as follows)$", sentence):
        return None, "leads to a list"
    if not sentence.isascii():
        return None, "non-ASCII"
    for reason, pattern in REJECT:
        if pattern.search(sentence):
            return None, reason
    if sentence.count("(") != sentence.count(")") or sentence.count('"') % 2:
        return None, "code-like"
    words = sentence.split()
    if not 4 <= len(words) <= 25:
        return None, "length"
    if sum("_" in w or "." in w.rstrip(".") or "()" in w for w in words) > 2 \
            or not sum(bool(re.fullmatch(r"[\"'(]?[a-z][a-z'/-]*[\"',):]*", w)) for w in words) * 2 >= len(words):
        return None, "code-like"
    if re.match(r"[a-z]\w*[._(:]", sentence):
        return None, "code-like"
    if len(set(content_words(sentence))) < 3:
        return None, "few content words"
    if language in ("go", "c") and symbol and words[0] == symbol and not symbol.islower():
        return None, "leading name"
    return sentence[0].upper() + sentence[1:] + ".", None


def words_of(text):
    return re.findall(r"[a-z0-9]+", text.lower())


def told_by_code(sentence, code):
    """Whether the code holds the reference, or five or more words of it in a row that are half of it."""
    ref, body = words_of(sentence), " " + " ".join(words_of(code)) + " "
    run = max(5, (len(ref) + 1) // 2)
    return any(" " + " ".join(ref[i:i + run]) + " " in body for i in range(len(ref) - run + 1)) \
        or " " + " ".join(ref) + " " in body
