#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/hub_cache.h"

static void names(void **state) {
    (void)state;
    struct hub_name n;
    struct err e;
    assert_int_equal(hub_name_parse("hf:org/na_me-1.5:onnx/model_*.onnx@refs/pr/1", &n, &e), 0);
    assert_string_equal(n.repo, "org/na_me-1.5");
    assert_string_equal(n.pattern, "onnx/model_*.onnx");
    assert_string_equal(n.revision, "refs/pr/1");
    assert_true(n.has_revision);
    assert_int_equal(hub_name_parse("hf:gpt2", &n, &e), 0);
    assert_string_equal(n.repo, "gpt2");
    assert_string_equal(n.revision, "main");
    assert_false(n.has_revision || n.pattern[0]);
    static const char *const bad[] = {
        "hf:",         "hf:/",      "hf:a/",       "hf:/a",      "hf:a/b/c",
        "hf:..",       "hf:a/..",   "hf:a--b/c",   "hf:-a/b",    "hf:a./b",
        "hf:a/b:",     "hf:a/b@",   "hf:a/b@../c", "hf:a/b@/c",  "hf:a/b@c d",
        "hf:a/b@a//b", "hf:a/b:@c", "hf:a b/c",    "hf:a/b@x:y", "hf:a\\b/c",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (hub_name_parse(bad[i], &n, &e) != PRECIS_EINPUT || !strstr(e.text, bad[i]))
            fail_msg("%s", bad[i]);
}

static void paths(void **state) {
    (void)state;
    static const char *const good[] = {"a", "a/b.json", "..a/b..", "a b/\xc3\xa4", "...", "a/.b"};
    static const char *const bad[] = {"",     "/",    "/a",   "a/",   "a//b", ".",     "..",
                                      "a/..", "../a", "a\\b", "a\nb", "\xff", "a/./b", "a/\x7f"};
    char longer[HUB_PATH_SIZE + 1];
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (!hub_path_ok(good[i]))
            fail_msg("%s", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (hub_path_ok(bad[i]))
            fail_msg("%s", bad[i]);
    memset(longer, 'a', 256);
    longer[256] = 0;
    assert_false(hub_path_ok(longer));
    longer[255] = 0;
    assert_true(hub_path_ok(longer));
    assert_true(hub_blob_ok("0a-B_c.d"));
    assert_false(hub_blob_ok("../x") || hub_blob_ok(".x") || hub_blob_ok("") || hub_blob_ok("a/b"));
    assert_true(hub_is_commit("0123456789abcdef0123456789abcdef01234567"));
    assert_false(hub_is_commit("0123456789abcdef0123456789abcdef0123456") || hub_is_commit("main"));
}

static void encodes_paths(void **state) {
    (void)state;
    struct buf b = {0};
    hub_encode(&b, "a b/\xc3\xa4?#%~", "/");
    assert_string_equal(b.data, "a%20b/%C3%A4%3F%23%25~");
    buf_free(&b);
}

/* Chooses of the paths (separated by spaces); the chosen ones as text, then "=> " what to open. */
static const char *chosen(const char *paths, const char *pattern) {
    static char out[1024];
    char copy[1024], *save = NULL;
    struct hub_list l = {0};
    struct hub_choice c;
    struct err e = {0};
    snprintf(copy, sizeof copy, "%s", paths);
    for (char *p = strtok_r(copy, " ", &save); p; p = strtok_r(NULL, " ", &save))
        assert_int_equal(hub_list_add(&l, p, &e), 0);
    int rc = hub_choose(&l, "x", pattern, &c, &e);
    if (rc) {
        snprintf(out, sizeof out, "%s", e.text);
    } else {
        out[0] = 0;
        for (size_t i = 0; i < l.n; i++)
            if (l.v[i].chosen)
                strcat(strcat(out, l.v[i].path), " ");
        strcat(strcat(out, "=> "), c.path);
    }
    hub_list_free(&l);
    return out;
}

static void chooses_folders(void **state) {
    (void)state;
    assert_string_equal(chosen("config.json model.safetensors other.safetensors onnx/model.onnx "
                               "tokenizer.json pytorch_model.bin README.md a-Q4_K_M.gguf",
                               ""),
                        "config.json model.safetensors tokenizer.json README.md => ");
    assert_string_equal(chosen("config.json model.safetensors.index.json "
                               "model-00001-of-00002.safetensors model-00002-of-00002.safetensors "
                               "consolidated.safetensors",
                               ""),
                        "config.json model.safetensors.index.json model-00001-of-00002.safetensors "
                        "model-00002-of-00002.safetensors => ");
}

static void chooses_ggufs(void **state) {
    (void)state;
    assert_string_equal(chosen("a-Q2_K.gguf a-Q8_0.gguf a.q4_k_m.gguf mmproj-f16.gguf", ""),
                        "a.q4_k_m.gguf => a.q4_k_m.gguf");
    assert_string_equal(chosen("only-IQ3_S.gguf README.md mmproj-f16.gguf", ""),
                        "only-IQ3_S.gguf README.md => only-IQ3_S.gguf");
    assert_string_equal(chosen("a-Q4_K_M.gguf sub/a-Q8_0.gguf", "q8_0"),
                        "sub/a-Q8_0.gguf => sub/a-Q8_0.gguf");
    assert_string_equal(chosen("a-Q4_K_M.gguf sub/a-Q8_0.gguf", "sub/"),
                        "sub/a-Q8_0.gguf => sub/a-Q8_0.gguf");
    assert_string_equal(chosen("a-Q2_K.gguf a-Q3_K.gguf", ""),
                        "x: has several models, choose one with ':FILE': a-Q2_K.gguf, a-Q3_K.gguf");
    assert_non_null(strstr(chosen("a-Q4_K_M-00001-of-00002.gguf", ""), "in parts"));
    assert_non_null(strstr(chosen("a-Q4_K_M.gguf", "b.gguf"), "no model file 'b.gguf'; it has a-"));
    assert_non_null(strstr(chosen("pytorch_model.bin", ""), "pickled weights"));
    assert_non_null(strstr(chosen("README.md", ""), "no model that precis knows"));
    assert_non_null(strstr(chosen("", ""), "no model that precis knows"));
}

static void chooses_onnx(void **state) {
    (void)state;
    assert_string_equal(chosen("config.json onnx/model.onnx onnx/model.onnx_data "
                               "onnx/model_q4.onnx onnx/model_q4.onnx_data openvino/x.onnx",
                               ""),
                        "config.json onnx/model.onnx onnx/model.onnx_data => onnx/model.onnx");
    assert_string_equal(chosen("config.json onnx/model.onnx onnx/model_q4.onnx "
                               "onnx/model_q4.onnx_data onnx/model_q4f16.onnx",
                               "q4"),
                        "config.json onnx/model_q4.onnx onnx/model_q4.onnx_data "
                        "=> onnx/model_q4.onnx");
    assert_string_equal(chosen("encoder_model.onnx decoder_model.onnx "
                               "decoder_with_past_model.onnx decoder_model_merged.onnx",
                               ""),
                        "encoder_model.onnx decoder_model_merged.onnx => ");
    assert_string_equal(chosen("config.json onnx/encoder_model_q4.onnx "
                               "onnx/decoder_model_merged_q4.onnx",
                               ""),
                        "config.json onnx/encoder_model_q4.onnx "
                        "onnx/decoder_model_merged_q4.onnx => onnx");
    assert_non_null(strstr(chosen("onnx/model_q4.onnx onnx/model_fp16.onnx", ""), "choose one"));
    assert_non_null(strstr(chosen("cpu/model.onnx cuda/model.onnx", ""), "choose one"));
    assert_string_equal(chosen("cpu/model.onnx cpu/genai_config.json cuda/model.onnx", "cpu"),
                        "cpu/model.onnx cpu/genai_config.json => cpu/model.onnx");
}

static void folder_follows_the_environment(void **state) {
    (void)state;
    char out[HUB_CACHE_SIZE];
    struct err e;
    setenv("HOME", "/home/somebody", 1);
    unsetenv("HF_HOME");
    unsetenv("HF_HUB_CACHE");
    unsetenv("HUGGINGFACE_HUB_CACHE");
    unsetenv("XDG_CACHE_HOME");
    assert_int_equal(hub_cache_folder(out, &e), 0);
    assert_string_equal(out, "/home/somebody/.cache/huggingface/hub");
    setenv("XDG_CACHE_HOME", "/caches", 1);
    assert_int_equal(hub_cache_folder(out, &e), 0);
    assert_string_equal(out, "/caches/huggingface/hub");
    setenv("HF_HOME", "~/hf", 1);
    assert_int_equal(hub_cache_folder(out, &e), 0);
    assert_string_equal(out, "/home/somebody/hf/hub");
    setenv("HUGGINGFACE_HUB_CACHE", "/old", 1);
    assert_int_equal(hub_cache_folder(out, &e), 0);
    assert_string_equal(out, "/old");
    setenv("HF_HUB_CACHE", "/new", 1);
    assert_int_equal(hub_cache_repo("org/name", out, &e), 0);
    assert_string_equal(out, "/new/models--org--name");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),
        cmocka_unit_test(paths),
        cmocka_unit_test(encodes_paths),
        cmocka_unit_test(chooses_folders),
        cmocka_unit_test(chooses_ggufs),
        cmocka_unit_test(chooses_onnx),
        cmocka_unit_test(folder_follows_the_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
