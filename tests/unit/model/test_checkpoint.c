/* Folders and GGUF files as checkpoints: shards, names, slices, revisions, hostile folders, and
 * every allocation failing in turn. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config_cases.h"
#include "fault.h"
#include "safetensors_build.h"
#include "gguf_build.h"
#include "model/checkpoint.h"
#include "tree.h"

static char *folder;

static int make_folder(void **state) {
    (void)state;
    folder = tree_new();
    return 0;
}

static int drop_folder(void **state) {
    (void)state;
    tree_remove(folder);
    return 0;
}

static void write_json(const char *name, const json_t *value) {
    char *text = json_dumps(value, 0);
    tree_write(folder, name, text);
    free(text);
}

static void write_tensors(const char *name, const json_t *shapes) {
    struct buf b = {0};
    put_tensors(&b, shapes);
    tree_write_bytes(folder, name, b.data, b.len);
    buf_free(&b);
}

static void write_case(const char *name) {
    const json_t *one = case_named(name);
    write_json("config.json", json_object_get(one, "config"));
    write_tensors("model.safetensors", shapes_of(one));
}

static struct checkpoint *opened(void) {
    struct checkpoint *c;
    struct err e;
    if (checkpoint_open(folder, &c, &e) != 0)
        fail_msg("%s", e.text);
    return c;
}

static void refused(int code, const char *part) {
    struct checkpoint *c;
    struct err e = {0};
    int rc = checkpoint_open(folder, &c, &e);
    if (rc != code || e.code != code || c || !strstr(e.text, part) || !strstr(e.text, folder))
        fail_msg("%d wanted with '%s'; got %d: %s", code, part, rc, e.text);
}

/* Where the values of a stored tensor begin: put_tensors counts them through. */
static float first_of(const json_t *shapes, const char *stored) {
    const char *name;
    json_t *shape;
    size_t at = 0;
    json_object_foreach((json_t *)(uintptr_t)shapes, name, shape) {
        size_t n = 1;
        if (strcmp(name, stored) == 0)
            return (float)at;
        for (size_t i = 0; i < json_array_size(shape); i++)
            n *= (size_t)json_integer_value(json_array_get(shape, i));
        at += n;
    }
    fail_msg("no tensor '%s'", stored);
    return 0;
}

/* The bound tensor begins `skip` values into the stored one and has `dims`. */
static void is_part(const struct checkpoint *c, const json_t *shapes, const char *name,
                    const char *stored, size_t skip, uint64_t in, uint64_t out) {
    const struct tensor *t = checkpoint_tensor(c, name);
    float value;
    if (!t)
        fail_msg("no tensor '%s'", name);
    memcpy(&value, t->data, sizeof value);
    if (value != first_of(shapes, stored) + (float)skip || t->dims[0] != in || t->dims[1] != out ||
        t->size != in * out * 4 || t->elements != in * out)
        fail_msg("%s: begins with %g, [%d, %d]", name, (double)value, (int)t->dims[0],
                 (int)t->dims[1]);
    assert_true(t->name.len == strlen(name) && memcmp(t->name.s, name, t->name.len) == 0);
}

static void opens_llama(void **state) {
    (void)state;
    write_case("llama");
    const json_t *shapes = shapes_of(case_named("llama"));
    struct checkpoint *c = opened();
    assert_string_equal(checkpoint_path(c), folder);
    assert_non_null(checkpoint_decoder(c));
    assert_null(checkpoint_encoder(c));
    assert_null(checkpoint_gguf(c));
    assert_null(checkpoint_tensor(c, "blk.2.attn_q.weight"));
    assert_null(checkpoint_tensor(c, "model.norm.weight"));
    is_part(c, shapes, "token_embd.weight", "model.embed_tokens.weight", 0, 16, 24);
    is_part(c, shapes, "output.weight", "lm_head.weight", 0, 16, 24);
    is_part(c, shapes, "output_norm.weight", "model.norm.weight", 0, 16, 1);
    is_part(c, shapes, "blk.1.attn_norm.weight", "model.layers.1.input_layernorm.weight", 0, 16, 1);
    is_part(c, shapes, "blk.1.ffn_norm.weight", "model.layers.1.post_attention_layernorm.weight", 0,
            16, 1);
    is_part(c, shapes, "blk.0.attn_k.weight", "model.layers.0.self_attn.k_proj.weight", 0, 16, 8);
    is_part(c, shapes, "blk.0.ffn_down.weight", "model.layers.0.mlp.down_proj.weight", 0, 20, 16);
    checkpoint_release(c);
    checkpoint_close(c);
    checkpoint_close(NULL);
}

static void slices_fused_tensors(void **state) {
    (void)state;
    write_case("phi3");
    const json_t *shapes = shapes_of(case_named("phi3"));
    const char *qkv = "model.layers.1.self_attn.qkv_proj.weight";
    const char *gate_up = "model.layers.1.mlp.gate_up_proj.weight";
    struct checkpoint *c = opened();
    is_part(c, shapes, "blk.1.attn_q.weight", qkv, 0, 16, 16);
    is_part(c, shapes, "blk.1.attn_k.weight", qkv, 16 * 16, 16, 8);
    is_part(c, shapes, "blk.1.attn_v.weight", qkv, 24 * 16, 16, 8);
    is_part(c, shapes, "blk.1.ffn_gate.weight", gate_up, 0, 16, 20);
    is_part(c, shapes, "blk.1.ffn_up.weight", gate_up, 20 * 16, 16, 20);
    checkpoint_close(c);
}

static void completes_gains(void **state) {
    (void)state;
    static const char *const names[][2] = {
        {"output_norm.weight", "model.norm.weight"},
        {"blk.6.attn_norm.weight", "model.layers.6.input_layernorm.weight"},
        {"blk.6.post_attention_norm.weight", "model.layers.6.post_attention_layernorm.weight"},
        {"blk.6.ffn_norm.weight", "model.layers.6.pre_feedforward_layernorm.weight"},
        {"blk.6.post_ffw_norm.weight", "model.layers.6.post_feedforward_layernorm.weight"},
        {"blk.6.attn_q_norm.weight", "model.layers.6.self_attn.q_norm.weight"},
        {"blk.6.attn_k_norm.weight", "model.layers.6.self_attn.k_norm.weight"},
    };
    write_case("gemma3");
    const json_t *shapes = shapes_of(case_named("gemma3"));
    struct checkpoint *c = opened();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const struct tensor *t = checkpoint_tensor(c, names[i][0]);
        assert_non_null(t);
        for (size_t j = 0; j < t->elements; j++) {
            float value;
            memcpy(&value, t->data + 4 * j, sizeof value);
            assert_true(value == first_of(shapes, names[i][1]) + (float)j + 1);
        }
    }
    checkpoint_close(c);
}

static void opens_encoders(void **state) {
    (void)state;
    write_case("roberta, masked");
    const json_t *shapes = shapes_of(case_named("roberta, masked"));
    struct checkpoint *c = opened();
    assert_null(checkpoint_decoder(c));
    assert_non_null(checkpoint_encoder(c));
    is_part(c, shapes, "position_embd.weight", "roberta.embeddings.position_embeddings.weight", 0,
            16, 34);
    is_part(c, shapes, "token_types.weight", "roberta.embeddings.token_type_embeddings.weight", 0,
            16, 1);
    is_part(c, shapes, "token_embd_norm.bias", "roberta.embeddings.LayerNorm.bias", 0, 16, 1);
    is_part(c, shapes, "blk.0.attn_output_norm.weight",
            "roberta.encoder.layer.0.attention.output.LayerNorm.weight", 0, 16, 1);
    is_part(c, shapes, "blk.0.layer_output_norm.bias",
            "roberta.encoder.layer.0.output.LayerNorm.bias", 0, 16, 1);
    is_part(c, shapes, "blk.0.ffn_up.weight", "roberta.encoder.layer.0.intermediate.dense.weight",
            0, 16, 20);
    is_part(c, shapes, "blk.0.attn_v.bias", "roberta.encoder.layer.0.attention.self.value.bias", 0,
            16, 1);
    checkpoint_close(c);
}

/* The llama in two shards, tensors in turn; `more` goes into the index as it is. */
static void write_shards(const char *const files[2], json_t *more) {
    const json_t *one = case_named("llama");
    json_t *parts[2] = {json_object(), json_object()}, *map = json_object(), *shape;
    const char *name;
    int i = 0;
    json_object_foreach(shapes_of(one), name, shape) {
        json_object_set(parts[i % 2], name, shape);
        json_object_set_new(map, name, json_string(files[i % 2]));
        i++;
    }
    json_object_update(map, more);
    json_t *index = json_pack("{s:o}", "weight_map", map);
    write_json("config.json", json_object_get(one, "config"));
    write_json("model.safetensors.index.json", index);
    for (i = 0; i < 2; i++)
        if (!strchr(files[i], '/'))
            write_tensors(files[i], parts[i]);
    json_decref(parts[0]);
    json_decref(parts[1]);
    json_decref(index);
    json_decref(more);
}

static const char *const two[] = {"model-00001-of-00002.safetensors",
                                  "model-00002-of-00002.safetensors"};

static void opens_shards(void **state) {
    (void)state;
    write_shards(two, NULL);
    struct checkpoint *c = opened();
    assert_int_equal(checkpoint_decoder(c)->layers, 2);
    checkpoint_close(c);
}

static void refuses_hostile_shards(void **state) {
    (void)state;
    static const char *const names[] = {
        "../model.safetensors",
        "/etc/model.safetensors",
        "a/b.safetensors",
        ".safetensors",
        ".hidden.safetensors",
        "model.bin",
        "",
    };
    char path[256];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        write_shards(two, json_pack("{s:s}", "lm_head.weight", names[i]));
        refused(PRECIS_EINPUT, "is not the name of a file beside it");
    }
    write_shards(two, json_pack("{s:i}", "lm_head.weight", 1));
    refused(PRECIS_EINPUT, "is not the name of a file beside it");
    write_shards(two, json_pack("{s:s}", "other", two[0]));
    refused(PRECIS_EINPUT, "tensors, but its files have");
    write_shards(two, json_pack("{s:s}", "lm_head.weight", two[1]));
    refused(PRECIS_EINPUT, "'lm_head.weight' of model-00001-of-00002.safetensors is said to be in");
    write_shards(two, json_pack("{s:s}", "lm_head.weight", "model-3.safetensors"));
    refused(PRECIS_EIO, "model-3.safetensors");
    write_shards(two, NULL);
    snprintf(path, sizeof path, "%s/%s", folder, two[1]);
    assert_int_equal(unlink(path), 0);
    refused(PRECIS_EIO, two[1]);
    tree_write(folder, "model.safetensors.index.json", "{\"weight_map\":{}}");
    refused(PRECIS_EINPUT, "weight_map is missing or empty");
    tree_write(folder, "model.safetensors.index.json", "{\"weight_map\":7");
    refused(PRECIS_EINPUT, "not valid JSON");
    tree_write(folder, "model.safetensors.index.json", "[]");
    refused(PRECIS_EINPUT, "is not a JSON object");
}

static void refuses_incomplete_folders(void **state) {
    (void)state;
    refused(PRECIS_EIO, "config.json");
    tree_write(folder, "config.json", "{\"a\":1,\"a\":2}");
    refused(PRECIS_EINPUT, "duplicate");
    tree_write(folder, "config.json", "{}");
    refused(PRECIS_ENOTFOUND, "has neither model.safetensors nor");
    tree_link(folder, "model.safetensors", "blob");
    refused(PRECIS_ENOTFOUND, "model.safetensors: is a link to a file that is not there");
    tree_write(folder, "blob", "");
    refused(PRECIS_EINPUT, "model.safetensors");
    char path[256];
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    assert_int_equal(unlink(path), 0);
    write_tensors("model.safetensors", shapes_of(case_named("llama")));
    refused(PRECIS_EINPUT, "'model_type' is missing");
}

static void refuses_types_it_cannot_read(void **state) {
    (void)state;
    static const char header[] = "{\"model.embed_tokens.weight\":{\"dtype\":\"F8_E4M3\","
                                 "\"shape\":[24,16],\"data_offsets\":[0,384]}}";
    struct buf b = {0};
    write_case("llama");
    put_raw(&b, header, 384);
    tree_write_bytes(folder, "model.safetensors", b.data, b.len);
    refused(PRECIS_EUNSUPPORTED, "'model.embed_tokens.weight': type F8_E4M3 is not supported");
    buf_free(&b);
}

static void revision(char out[HASH_HEX_SIZE]) {
    struct checkpoint *c = opened();
    struct err e;
    if (checkpoint_revision(c, out, &e) != 0)
        fail_msg("%s", e.text);
    checkpoint_close(c);
}

/* As `sha256sum config.json model.safetensors | sha256sum` has it. */
static void revision_is_of_all_files(void **state) {
    (void)state;
    char first[HASH_HEX_SIZE], again[HASH_HEX_SIZE], command[512], want[HASH_HEX_SIZE] = "";
    write_case("llama");
    revision(first);
    snprintf(command, sizeof command,
             "cd %s && sha256sum config.json model.safetensors | sha256sum", folder);
    FILE *f = popen(command, "r");
    assert_non_null(f);
    assert_int_equal(fread(want, 1, 64, f), 64);
    pclose(f);
    assert_string_equal(first, want);
    revision(again);
    assert_string_equal(first, again);
    write_json("config.json", json_object_get(case_named("llama, little said"), "config"));
    revision(again);
    assert_string_not_equal(first, again);
}

static void opens_gguf(void **state) {
    (void)state;
    struct buf b = {0};
    struct checkpoint *c;
    struct err e;
    char path[128], hex[HASH_HEX_SIZE];
    put_tiny(&b, &(struct tiny){.architecture = "qwen2", .bias = true, .layers = 2});
    tree_write_bytes(folder, "m.gguf", b.data, b.len);
    buf_free(&b);
    snprintf(path, sizeof path, "%s/m.gguf", folder);
    if (checkpoint_open(path, &c, &e) != 0)
        fail_msg("%s", e.text);
    assert_non_null(checkpoint_gguf(c));
    assert_non_null(checkpoint_tensor(c, "blk.1.attn_q.bias"));
    assert_null(checkpoint_tensor(c, "blk.2.attn_q.bias"));
    assert_int_equal(checkpoint_revision(c, hex, &e), 0);
    checkpoint_release(c);
    checkpoint_close(c);
}

/* Not those within jansson, which drops bytes of a string when one fails. */
static int open_once(void *user, struct err *e) {
    struct checkpoint *c;
    (void)user;
    int rc = checkpoint_open(folder, &c, e);
    assert_true((rc == 0) == (c != NULL));
    checkpoint_close(c);
    return rc;
}

static void opening_fails_cleanly(void **state) {
    (void)state;
    write_case("gemma3, linear, old");
    assert_true(fault_each(&fault_memory, FAULT_ONCE, open_once, NULL) > 10);
}

static void opening_shards_fails_cleanly(void **state) {
    (void)state;
    write_shards(two, NULL);
    assert_true(fault_each(&fault_memory, FAULT_ONCE, open_once, NULL) > 10);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, drop_folder)

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_FOLDER(opens_llama),
        IN_FOLDER(slices_fused_tensors),
        IN_FOLDER(completes_gains),
        IN_FOLDER(opens_encoders),
        IN_FOLDER(opens_shards),
        IN_FOLDER(refuses_hostile_shards),
        IN_FOLDER(refuses_incomplete_folders),
        IN_FOLDER(refuses_types_it_cannot_read),
        IN_FOLDER(revision_is_of_all_files),
        IN_FOLDER(opens_gguf),
        IN_FOLDER(opening_fails_cleanly),
        IN_FOLDER(opening_shards_fails_cleanly),
    };
    return cmocka_run_group_tests(tests, cases_load, cases_unload);
}
