#include "search/tiny_encoder.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"
#include "tree.h"

static const char head[] =
    "{\"version\":\"1.0\",\"truncation\":{\"direction\":\"Right\",\"max_length\":4,\"strategy\":"
    "\"LongestFirst\",\"stride\":0},\"padding\":null,\"added_tokens\":["
    "{\"id\":0,\"content\":\"[PAD]\",\"single_word\":false,\"lstrip\":false,\"rstrip\":false,"
    "\"normalized\":false,\"special\":true},"
    "{\"id\":2,\"content\":\"[CLS]\",\"single_word\":false,\"lstrip\":false,\"rstrip\":false,"
    "\"normalized\":false,\"special\":true},"
    "{\"id\":3,\"content\":\"[SEP]\",\"single_word\":false,\"lstrip\":false,\"rstrip\":false,"
    "\"normalized\":false,\"special\":true}],"
    "\"normalizer\":{\"type\":\"BertNormalizer\",\"clean_text\":true,\"handle_chinese_chars\":true,"
    "\"strip_accents\":null,\"lowercase\":true},\"pre_tokenizer\":{\"type\":\"BertPreTokenizer\"},"
    "\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":["
    "{\"SpecialToken\":{\"id\":\"[CLS]\",\"type_id\":0}},{\"Sequence\":{\"id\":\"A\",\"type_id\":0}"
    "},"
    "{\"SpecialToken\":{\"id\":\"[SEP]\",\"type_id\":0}}],\"pair\":[],\"special_tokens\":{"
    "\"[CLS]\":{\"id\":\"[CLS]\",\"ids\":[2],\"tokens\":[\"[CLS]\"]},"
    "\"[SEP]\":{\"id\":\"[SEP]\",\"ids\":[3],\"tokens\":[\"[SEP]\"]}}},"
    "\"decoder\":{\"type\":\"WordPiece\",\"prefix\":\"##\",\"cleanup\":true},"
    "\"model\":{\"type\":\"WordPiece\",\"unk_token\":\"[UNK]\",\"continuing_subword_prefix\":\"##"
    "\","
    "\"max_input_chars_per_word\":1000,\"vocab\":{\"[PAD]\":0,\"[UNK]\":1,\"[CLS]\":2,\"[SEP]\":3";

char *tiny_encoder_new(const char *golden) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    static const char *const files[] = {"config.json", "model.safetensors"};
    struct buf json = {0};
    char from[PATH_MAX], whole[PATH_MAX], to[64];
    char *root = tree_new();
    buf_str(&json, head);
    for (int i = 0; letters[i]; i++)
        buf_printf(&json, ",\"%c\":%d,\"##%c\":%d", letters[i], 4 + 2 * i, letters[i], 5 + 2 * i);
    buf_str(&json, "}}}");
    assert_false(buf_failed(&json));
    tree_write(root, "tiny/tokenizer.json", json.data);
    buf_free(&json);
    for (int i = 0; i < 2; i++) {
        snprintf(from, sizeof from, "%s/encoder/tiny-bert/%s", golden, files[i]);
        snprintf(to, sizeof to, "tiny/%s", files[i]);
        assert_non_null(realpath(from, whole));
        tree_link(root, to, whole);
    }
    return root;
}
