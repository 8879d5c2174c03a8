#include "export/earlier.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "export/describe.h"
#include "export/export.h"
#include "model/onnx_read.h"

static bool is_of_export(const char *name) {
    return strcmp(name, EXPORT_MODEL) == 0 || strcmp(name, EXPORT_DATA) == 0 || describes(name);
}

static int is_export(const char *folder, bool *yes, struct err *e) {
    static const char producer[] = EXPORT_PRODUCER;
    struct onnx_info info = {0};
    char *path = file_join(folder, EXPORT_MODEL);
    if (!path)
        return err_nomem(e, folder);
    int rc = onnx_read_open(path, &info, e);
    *yes = rc == 0 && info.producer.len == strlen(producer) &&
           memcmp(info.producer.s, producer, info.producer.len) == 0;
    onnx_read_close(&info);
    free(path);
    return rc == PRECIS_ENOMEM ? rc : 0;
}

const struct out_folder_kind earlier_export = {is_of_export, is_export};
