/* Words that a sentence about code may hold whatever the code says. */
#include <string.h>

#include "summary/ground_words.h"

/* Initialisms are in a table, not allowed by a rule on their length: "JWT" or "SMTP" of code that
 * has none says something wrong, "URL" or "ID" names a kind of thing as any noun does. */
static const char *const ordinary[] = {
    /* initialisms that have become nouns */
    "abi", "aka", "api", "ascii", "ast", "bom", "bsd", "ci", "cli", "cpu", "crud", "css", "csv",
    "db", "dns", "dom", "dsl", "dto", "eof", "eol", "fifo", "fs", "ftp", "gc", "gnu", "gpu", "gui",
    "html", "http", "https", "id", "ide", "io", "ip", "iso", "jit", "json", "jvm", "lifo", "lru",
    "mime", "os", "pdf", "pid", "posix", "ram", "rest", "rfc", "rgb", "rpc", "sdk", "sql", "ssh",
    "ssl", "stl", "svg", "tcp", "tls", "todo", "tty", "ttl", "udp", "ui", "uri", "url", "utc",
    "utf", "uuid", "ux", "vm", "xml", "yaml", "zip", "nan", "faq", "gmt", "llm", "eg", "ie", "etc",
    /* names with digits */
    "base64", "http1.0", "http1.1", "http2", "http3", "ipv4", "ipv6", "utf8", "utf16", "utf32",
    "sha1", "sha256", "sha512", "md5", "x86", "es6", "2d", "3d",
    /* languages, systems, formats, people */
    "android", "bash", "boolean", "cpp", "debian", "english", "git", "github", "go", "golang",
    "google", "graphql", "haskell", "ios", "java", "javascript", "js", "kotlin", "latex", "linux",
    "lua", "mac", "macos", "markdown", "microsoft", "mozilla", "mysql", "nodejs", "node.js", "perl",
    "php", "postgresql", "python", "ruby", "rust", "rustdoc", "sqlite", "swift", "toml",
    "typescript", "ts", "ubuntu", "unicode", "unix", "windows", "zlib", "gzip", "euclidean",
    "fibonacci", "gaussian", "gregorian", "hamming", "huffman", "latin", "levenshtein", "merkle",
    "poisson", "bernoulli", "turing", "roman",
    /* days and months */
    "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "january",
    "february", "april", "june", "july", "august", "september", "october", "november", "december"};

static const char *const small[] = {
    "a",     "about",   "after",   "all",    "also",  "an",      "and",    "another",
    "any",   "are",     "as",      "at",     "be",    "because", "been",   "before",
    "being", "between", "both",    "but",    "by",    "can",     "cannot", "could",
    "do",    "does",    "doesn",   "don",    "done",  "during",  "each",   "either",
    "else",  "etc",     "every",   "for",    "from",  "given",   "had",    "has",
    "have",  "how",     "however", "if",     "in",    "instead", "into",   "is",
    "isn",   "it",      "its",     "itself", "just",  "may",     "might",  "more",
    "most",  "must",    "neither", "no",     "nor",   "not",     "of",     "off",
    "on",    "once",    "one",     "only",   "onto",  "or",      "other",  "otherwise",
    "our",   "out",     "over",    "own",    "per",   "rather",  "shall",  "should",
    "since", "so",      "some",    "such",   "than",  "that",    "the",    "their",
    "them",  "then",    "there",   "these",  "they",  "this",    "those",  "through",
    "thus",  "to",      "too",     "under",  "until", "up",      "upon",   "via",
    "was",   "we",      "well",    "were",   "what",  "when",    "where",  "whether",
    "which", "while",   "who",     "whose",  "will",  "with",    "within", "without",
    "won",   "would",   "yet",     "you",    "your"};

static bool is_in(const char *const *list, size_t n_list, const char *s, size_t n) {
    for (size_t i = 0; i < n_list; i++)
        if (strlen(list[i]) == n && memcmp(list[i], s, n) == 0)
            return true;
    return false;
}

bool ground_is_ordinary(const char *s, size_t n) {
    return is_in(ordinary, sizeof ordinary / sizeof *ordinary, s, n);
}

bool ground_is_small(const char *s, size_t n) {
    return is_in(small, sizeof small / sizeof *small, s, n);
}
