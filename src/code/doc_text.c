#include "code/doc_text.h"

#include <string.h>
#include <strings.h>

struct line {
    const char *s;
    size_t n;
};

static bool is_blank(char c) {
    return (unsigned char)c <= ' ';
}

static bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           (unsigned char)c >= 0x80;
}

static void trim(struct line *l) {
    while (l->n && is_blank(l->s[0]))
        l->s++, l->n--;
    while (l->n && is_blank(l->s[l->n - 1]))
        l->n--;
}

static bool starts(struct line l, const char *with) {
    size_t n = strlen(with);
    return l.n >= n && strncasecmp(l.s, with, n) == 0;
}

static void drop(struct line *l, size_t n) {
    l->s += n;
    l->n -= n;
}

/* `r"""` and its like; 0: it is no docstring. */
static size_t quote_length(struct line l, struct line *quote) {
    size_t at = 0;
    while (at < l.n && at < 3 && strchr("rRuUbBfF", l.s[at]) && l.s[at])
        at++;
    if (at >= l.n || (l.s[at] != '"' && l.s[at] != '\''))
        return 0;
    char mark = l.s[at];
    size_t n = at + 2 < l.n && l.s[at + 1] == mark && l.s[at + 2] == mark ? 3 : 1;
    *quote = (struct line){l.s + at, n};
    return at + n;
}

/* Takes the marks off a line of a comment. False: it is no line of one (an attribute between). */
static bool unmark(struct line *l, bool *in_block) {
    trim(l);
    if (!*in_block && starts(*l, "/*")) {
        *in_block = true;
        drop(l, 2);
        while (l->n && (l->s[0] == '*' || l->s[0] == '!') && !(l->n > 1 && l->s[1] == '/'))
            drop(l, 1);
    } else if (*in_block) {
        while (l->n > 1 && l->s[0] == '*' && l->s[1] != '/') {
            /* "**bold**" keeps its stars. */
            bool bold = l->s[1] == '*' && l->n > 2 && is_word(l->s[2]);
            drop(l, 1);
            if (bold || (l->n && l->s[0] != '*'))
                break;
        }
        if (l->n == 1 && l->s[0] == '*')
            drop(l, 1);
    } else if (starts(*l, "//")) {
        while (l->n && l->s[0] == '/')
            drop(l, 1);
        if (l->n && (l->s[0] == '!' || l->s[0] == '<'))
            drop(l, 1);
    } else if (starts(*l, "#") && !starts(*l, "#[")) {
        while (l->n && l->s[0] == '#')
            drop(l, 1);
    } else
        return false;
    if (*in_block && l->n >= 2 && memcmp(l->s + l->n - 2, "*/", 2) == 0) {
        l->n -= 2;
        while (l->n && l->s[l->n - 1] == '*')
            l->n--;
        *in_block = false;
    }
    return true;
}

static bool is_rule(struct line l) { /* "-----", "=====" */
    for (size_t i = 0; i < l.n; i++)
        if (!strchr("-=*#~_+/", l.s[i]) || !l.s[i])
            return false;
    return l.n >= 3;
}

/* Notes to programs rather than to people. */
static bool is_noise(struct line l) {
    static const char *const with[] = {"frozen_string_literal:",
                                       "encoding:",
                                       "-*-",
                                       "eslint",
                                       "jshint",
                                       "global ",
                                       "@ts-",
                                       "prettier-",
                                       "go:",
                                       "nolint",
                                       "+build",
                                       "clang-format",
                                       "rubocop:",
                                       "shellcheck",
                                       "vim:",
                                       "<editor-fold",
                                       "pylint",
                                       "noqa",
                                       "NOLINT",
                                       "@private",
                                       "@public",
                                       "@api ",
                                       "@static",
                                       "@memberOf",
                                       "@name ",
                                       "@method ",
                                       "@module",
                                       "@category",
                                       "@file ",
                                       "@ignore",
                                       "@internal",
                                       "@kind ",
                                       "@function",
                                       "@class",
                                       "@constructor",
                                       "!/"};
    for (size_t i = 0; i < sizeof with / sizeof *with; i++)
        if (starts(l, with[i]))
            return true;
    return is_rule(l);
}

/* A tag whose text is the description itself. */
static void skip_brief(struct line *l) {
    static const char *const tags[] = {"@brief ",   "\\brief ",       "@description ",
                                       "@summary ", "@fileoverview ", "@overview ",
                                       "@desc ",    "@details "};
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++)
        if (starts(*l, tags[i])) {
            drop(l, strlen(tags[i]));
            trim(l);
            return;
        }
}

static bool is_list(struct line l) {
    if (l.n < 2)
        return false;
    if (strchr("-*+", l.s[0]) && is_blank(l.s[1]))
        return true;
    size_t digits = 0;
    while (digits < l.n && l.s[digits] >= '0' && l.s[digits] <= '9')
        digits++;
    return digits && digits + 1 < l.n && (l.s[digits] == '.' || l.s[digits] == ')') &&
           is_blank(l.s[digits + 1]);
}

/* Where the description ends although no blank line came. */
static bool ends_paragraph(struct line l) {
    static const char *const sections[] = {
        "Args:",   "Arguments:", "Parameters:", "Params:",  "Returns:",
        "Return:", "Raises:",    "Yields:",     "Example:", "Examples:",
        "Usage:",  "Note:",      "Throws:",     "Input:",   "Output:"};
    if (l.s[0] == '@' || l.s[0] == '|' || starts(l, "```") || starts(l, "~~~") ||
        starts(l, ".. ") || starts(l, ">>>") || is_list(l) || is_rule(l))
        return true;
    if (l.s[0] == '\\' && l.n > 1 && is_word(l.s[1])) /* Doxygen */
        return true;
    if (l.s[0] == ':' && l.n > 1 && is_word(l.s[1])) {
        /* ":param x:" and not ":class:`X`" */
        const char *colon = memchr(l.s + 1, ':', l.n - 1);
        return !colon || colon + 1 == l.s + l.n || colon[1] != '`';
    }
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++)
        if (l.n == strlen(sections[i]) && starts(l, sections[i]))
            return true;
    return false;
}

static bool is_heading(struct line l) {
    size_t n = 0;
    while (n < l.n && l.s[n] == '#')
        n++;
    return n > 0 && n < l.n && is_blank(l.s[n]);
}

/* Adds a line to the paragraph. False: the paragraph is whole. */
static bool add_line(struct buf *out, size_t from, struct line l) {
    bool begun = out->len > from;
    skip_brief(&l);
    if (l.n == 0)
        return !begun;
    if (is_noise(l))
        return !begun;
    if (!begun && (is_heading(l) || starts(l, "<summary>"))) {
        if (is_heading(l))
            return true;
        drop(&l, strlen("<summary>"));
        trim(&l);
        if (l.n == 0)
            return true;
    }
    if (begun &&
        (ends_paragraph(l) || is_heading(l) || starts(l, "<p>") || starts(l, "<ul>") ||
         starts(l, "<pre>") || starts(l, "<ol>") || starts(l, "return ") || starts(l, "returns ")))
        return false;
    if (!begun && (starts(l, ".. ") || starts(l, ">>>") || is_list(l)))
        return false;
    if (!begun && (l.s[0] == '@' || starts(l, "```")))
        return true;
    if (begun)
        buf_char(out, ' ');
    buf_append(out, l.s, l.n);
    return !memmem(l.s, l.n, "</summary>", 10);
}

static bool truncate_to(struct buf *out, size_t len) {
    if (out->len > len)
        out->len = len;
    return true;
}

void doc_paragraph(const char *raw, size_t size, int skip, struct buf *out) {
    struct line quote;
    struct line all = {raw, size};
    size_t from = out->len;
    bool in_block = false;
    int lines = 0; /* of the paragraph so far */
    size_t opened = quote_length(all, &quote);
    if (opened) {
        drop(&all, opened);
        if (all.n >= quote.n && memcmp(all.s + all.n - quote.n, quote.s, quote.n) == 0)
            all.n -= quote.n;
        if (all.n > 1 && all.s[0] == '\\' && all.s[1] == '\n')
            drop(&all, 2);
    }
    while (all.n) {
        const char *end = memchr(all.s, '\n', all.n);
        struct line l = {all.s, end ? (size_t)(end - all.s) : all.n};
        drop(&all, l.n + (end != NULL));
        if (!opened && !unmark(&l, &in_block))
            continue;
        bool indented = l.n > 4 && l.s[0] == ' ' && memcmp(l.s, "     ", 4) == 0;
        trim(&l);
        if (indented && !opened && !in_block && out->len == from)
            continue;
        if (is_rule(l) && lines == 1 && out->len - from <= 2 * l.n) {
            truncate_to(out, from); /* that was a title, underlined */
            lines = 0;
            continue;
        }
        bool more = add_line(out, from, l);
        lines = out->len > from ? lines + 1 : 0;
        if (more || (out->len > from && skip-- > 0 && truncate_to(out, from)))
            continue;
        if (out->len > from)
            break;
    }
}

/* Markup, one construct at a time: each takes what it knows at the beginning of the text and
 * appends what remains of it; 0: it is not there. */

static size_t find(struct line l, size_t from, const char *what) {
    size_t n = strlen(what);
    const char *at = from <= l.n ? memmem(l.s + from, l.n - from, what, n) : NULL;
    return at ? (size_t)(at - l.s) : (size_t)-1;
}

/* `{@code x}`, `{@link Foo#bar label}` */
static size_t inline_tag(struct line l, struct buf *out) {
    if (!starts(l, "{@"))
        return 0;
    size_t end = 2;
    for (int depth = 1; end < l.n && end < 1000; end++) {
        depth += (l.s[end] == '{') - (l.s[end] == '}');
        if (depth == 0)
            break;
    }
    if (end >= l.n || l.s[end] != '}')
        return 0;
    size_t at = 2;
    while (at < end && !is_blank(l.s[at]))
        at++;
    struct line text = {l.s + at, end - at};
    trim(&text);
    if (starts(l, "{@link")) { /* the label, or the last of the path */
        size_t paren = find(text, 0, "(");
        size_t blank = find(text, paren < text.n ? find(text, paren, ")") : 0, " ");
        size_t bar = find(text, 0, "|");
        size_t cut = bar < blank ? bar : blank;
        if (cut < text.n)
            drop(&text, cut + 1);
        else if (paren < text.n)
            text.n = paren;
        if (text.n && text.s[0] == '#')
            drop(&text, 1);
        trim(&text);
    }
    for (size_t i = 0; i < text.n; i++)
        buf_char(out, text.s[i] == '#' ? '.' : text.s[i]);
    return end + 1;
}

/* :role:`text`, with `~a.b.c` for c and `text <target>` for text */
static void role_text(struct line text, struct buf *out) {
    size_t angle = find(text, 0, " <");
    if (angle < text.n && text.s[text.n - 1] == '>')
        text.n = angle;
    if (text.n && text.s[0] == '~') {
        drop(&text, 1);
        for (size_t i = text.n; i-- > 0;)
            if (text.s[i] == '.') {
                drop(&text, i + 1);
                break;
            }
    }
    if (text.n && (text.s[0] == '.' || text.s[0] == '!'))
        drop(&text, 1);
    buf_append(out, text.s, text.n);
}

static size_t role(struct line l, struct buf *out) {
    size_t at = 1;
    if (l.n < 4 || l.s[0] != ':')
        return 0;
    while (at < l.n && at < 40 && (is_word(l.s[at]) || l.s[at] == ':' || l.s[at] == '-'))
        at++;
    if (at >= l.n || l.s[at] != '`' || l.s[at - 1] != ':' || at < 3)
        return 0;
    size_t end = find(l, at + 1, "`");
    if (end >= l.n)
        return 0;
    role_text((struct line){l.s + at + 1, end - at - 1}, out);
    return end + 1;
}

/* `code`, ``code``, `text <url>`_ */
static size_t code_span(struct line l, struct buf *out) {
    size_t ticks = 0;
    while (ticks < l.n && l.s[ticks] == '`')
        ticks++;
    if (ticks == 0 || ticks > 2)
        return 0;
    size_t end = find(l, ticks, ticks == 1 ? "`" : "``");
    if (end >= l.n)
        return 0;
    struct line text = {l.s + ticks, end - ticks};
    trim(&text);
    end += ticks;
    if (end < l.n && l.s[end] == '_' && ticks == 1) {
        while (end < l.n && l.s[end] == '_')
            end++;
        role_text(text, out);
    } else
        buf_append(out, text.s, text.n);
    return end;
}

/* [text](url), [text][ref], [text]; the text may hold code. */
static size_t link_text(struct line l, struct buf *out) {
    size_t image = starts(l, "![") ? 1 : 0;
    if (l.n <= image || l.s[image] != '[')
        return 0;
    size_t end = image + 1;
    for (int depth = 1; end < l.n && end < 500; end++) {
        depth += (l.s[end] == '[') - (l.s[end] == ']');
        if (depth == 0)
            break;
    }
    if (end >= l.n || l.s[end] != ']' || end == image + 1)
        return 0;
    struct line text = {l.s + image + 1, end - image - 1};
    char open = end + 1 < l.n ? l.s[end + 1] : 0;
    bool target = false;
    if (open == '{' && starts((struct line){l.s + end + 1, l.n - end - 1}, "{@link")) {
        size_t close = find(l, end + 2, "}");
        if (close < l.n) {
            target = true;
            end = close;
        }
    } else if (open == '(' || open == '[') {
        size_t close = find(l, end + 2, open == '(' ? ")" : "]");
        if (close < l.n) {
            target = true;
            end = close;
        }
    }
    /* "[n]" and "a[i]" are text; "[`Foo`]" and "[Foo]" of Rust and Go are links. */
    if (!target && text.s[0] != '`' && !(text.s[0] >= 'A' && text.s[0] <= 'Z'))
        return 0;
    if (image)
        return end + 1;
    doc_plain(text.s, text.n, out);
    return end + 1;
}

static size_t tag_name(struct line l) {
    static const char *const names[] = {
        "a",     "b",    "blockquote", "br",     "c",        "code",    "div", "dl",
        "em",    "h1",   "h2",         "h3",     "hr",       "i",       "img", "kbd",
        "li",    "ol",   "p",          "para",   "paramref", "pre",     "see", "seealso",
        "small", "span", "strong",     "sub",    "sup",      "summary", "tt",  "typeparamref",
        "u",     "ul",   "var",        "remarks"};
    size_t at = l.n > 1 && l.s[1] == '/' ? 2 : 1;
    size_t n = at;
    while (n < l.n && is_word(l.s[n]))
        n++;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strlen(names[i]) == n - at && strncasecmp(names[i], l.s + at, n - at) == 0)
            return n;
    return 0;
}

/* HTML and XML tags; <see cref="T:Foo"/> leaves Foo. */
static size_t tag(struct line l, struct buf *out) {
    size_t name = l.n && l.s[0] == '<' ? tag_name(l) : 0;
    size_t end = name ? find(l, name, ">") : (size_t)-1;
    if (end >= l.n || !strchr(" />\t", l.s[name]))
        return 0;
    size_t from = find(l, name, "cref=\"");
    size_t skipped = 6;
    if (from >= end) {
        from = find(l, name, "langword=\"");
        skipped = 10;
    }
    if (from >= end) {
        from = find(l, name, "name=\"");
        skipped = 6;
    }
    if (from < end && l.s[end - 1] == '/') {
        struct line text = {l.s + from + skipped, end - from - skipped};
        size_t quote = find(text, 0, "\"");
        text.n = quote < text.n ? quote : text.n;
        if (text.n > 2 && text.s[1] == ':')
            drop(&text, 2);
        buf_append(out, text.s, text.n);
    } else if (name == 3 && strncasecmp(l.s, "<br", 3) == 0)
        buf_char(out, ' ');
    return end + 1;
}

/* Typographic quotes and dashes, as they are typed. */
static size_t typography(struct line l, struct buf *out) {
    static const char *const marks[] = {"\xe2\x80\x9c", "\xe2\x80\x9d", "\xe2\x80\x98",
                                        "\xe2\x80\x99", "\xe2\x80\x93", "\xe2\x80\x94"};
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        if (l.n >= 3 && memcmp(l.s, marks[i], 3) == 0) {
            buf_char(out, i < 2 ? '"' : i < 4 ? '\'' : '-');
            return 3;
        }
    return 0;
}

static size_t entity(struct line l, struct buf *out) {
    static const char *const names[] = {"&lt;",  "&gt;",   "&amp;",  "&quot;",
                                        "&#39;", "&nbsp;", "&apos;", "&#64;"};
    static const char chars[] = "<>&\"' '@";
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (starts(l, names[i])) {
            buf_char(out, chars[i]);
            return strlen(names[i]);
        }
    return 0;
}

/* **bold**, *emphasis*, _emphasis_ at a word's edge. */
static size_t emphasis(struct line l, char before, struct buf *out) {
    char mark = l.n ? l.s[0] : 0;
    if ((mark != '*' && mark != '_') || is_word(before))
        return 0;
    size_t n = l.n > 1 && l.s[1] == mark ? 2 : 1;
    if (n >= l.n || is_blank(l.s[n]) || l.s[n] == mark)
        return 0;
    for (size_t end = n + 1; end + n <= l.n; end++)
        if (l.s[end] == mark && (n == 1 || l.s[end + 1] == mark) && !is_blank(l.s[end - 1]) &&
            (end + n == l.n || !is_word(l.s[end + n]))) {
            doc_plain(l.s + n, end - n, out);
            return end + n;
        }
    return 0;
}

void doc_plain(const char *text, size_t size, struct buf *out) {
    size_t from = out->len;
    /* Links and emphasis may nest, each a level shorter than the one around. */
    for (size_t at = 0; at < size;) {
        struct line l = {text + at, size - at};
        size_t taken = 0;
        switch (l.s[0]) {
        case '{':
            taken = inline_tag(l, out);
            break;
        case ':':
            taken = role(l, out);
            break;
        case '`':
            taken = code_span(l, out);
            taken = taken ? taken : 1; /* a lone one is dropped */
            break;
        case '[':
        case '!':
            taken = link_text(l, out);
            break;
        case '<':
            taken = tag(l, out);
            break;
        case '&':
            taken = entity(l, out);
            break;
        case '*':
        case '_':
            taken = emphasis(l, at ? text[at - 1] : ' ', out);
            break;
        case '\xe2':
            taken = typography(l, out);
            break;
        case '\\':
            if (l.n > 1 && strchr("_*`[]<>\\#", l.s[1]) && l.s[1])
                at++;
            break;
        default:
            break;
        }
        if (taken) {
            at += taken;
            continue;
        }
        char c = text[at++];
        if (!is_blank(c))
            buf_char(out, c);
        else if (out->len > from && out->data[out->len - 1] != ' ')
            buf_char(out, ' ');
    }
}
