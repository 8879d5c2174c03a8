#include "export/export.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/pool.h"
#include "export/decoder.h"
#include "export/describe.h"
#include "export/earlier.h"
#include "export/folder.h"

static void note_file(struct export_result *r, const char *name, uint64_t size) {
    if (r->n_files == EXPORT_MOST_FILES)
        return;
    snprintf(r->files[r->n_files].name, sizeof r->files->name, "%s", name);
    r->files[r->n_files++].size = size;
}

static int put_text(const struct out_folder *f, const char *name, const struct buf *text,
                    struct export_result *r, struct err *e) {
    if (buf_failed(text))
        return err_nomem(e, name);
    int rc = out_folder_put(f, name, text->data, text->len, e);
    if (rc == 0)
        note_file(r, name, text->len);
    return rc;
}

static int put_model(const struct out_folder *f, const struct checkpoint *c,
                     const struct buf *model, const struct blob *p, const struct export_options *o,
                     struct export_result *r, struct err *e) {
    int rc = put_text(f, EXPORT_MODEL, model, r, e);
    char *path = rc ? NULL : out_folder_file(f, EXPORT_DATA);
    if (rc == 0 && !path)
        rc = err_nomem(e, EXPORT_DATA);
    if (rc == 0)
        rc = blob_write(p, c, path, o->threads > 0 ? o->threads : pool_cores(), o->progress,
                        o->user, e);
    if (rc == 0)
        note_file(r, EXPORT_DATA, p->size);
    free(path);
    return rc;
}

int export_onnx(const struct checkpoint *c, const char *folder, const struct export_options *o,
                struct export_result *result, struct err *e) {
    struct onnx_graph graph = {0};
    struct blob blob = {0};
    struct buf model = {0};
    struct out_folder f = {0};
    struct described files = {0};
    *result = (struct export_result){0};
    int rc = export_decoder(c, o->precision, EXPORT_DATA, &graph, &blob, e);
    if (rc == 0)
        rc = onnx_graph_finish(&graph, "decoder", &model, e);
    if (rc == 0)
        rc = describe(c, EXPORT_MODEL, !o->no_tokenizer, &files, e);
    if (rc == 0)
        rc = out_folder_begin(&f, folder, o->force, &earlier_export, e);
    for (size_t i = 0; rc == 0 && i < files.n; i++)
        rc = put_text(&f, files.v[i].name, &files.v[i].text, result, e);
    if (rc == 0)
        rc = put_model(&f, c, &model, &blob, o, result, e);
    if (rc == 0)
        rc = out_folder_commit(&f, e);
    if (rc == 0)
        result->context = export_context(checkpoint_decoder(c));
    out_folder_abort(&f);
    described_free(&files);
    buf_free(&model);
    blob_free(&blob);
    onnx_graph_free(&graph);
    return rc;
}
