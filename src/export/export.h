/* Writes a decoder as a folder that ONNX Runtime, its generation library (GenAI) and Hugging Face's
 * tools read: model.onnx, model.onnx.data, config.json, genai_config.json, generation_config.json,
 * tokenizer.json, tokenizer_config.json and what else a Hugging Face folder has for its tokenizer.
 */
#ifndef PRECIS_EXPORT_EXPORT_H
#define PRECIS_EXPORT_EXPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "model/checkpoint.h"

/* Files of every export, and what the model says made it. */
#define EXPORT_MODEL "model.onnx"
#define EXPORT_DATA "model.onnx.data"
#define EXPORT_PRODUCER "precis"

enum export_precision {
    EXPORT_F32,  /* the weights exactly */
    EXPORT_F16,  /* weights, caches and arithmetic */
    EXPORT_INT8, /* linear layers in blocks of 32 with a scale; f16 embedding; f32 caches */
    EXPORT_INT4  /* the same with offsets, exact for Q4_0, Q4_1, Q4_K; the output layer keeps 8 bits
                  */
};

struct export_options {
    enum export_precision precision;
    bool force;        /* replaces an earlier export */
    bool no_tokenizer; /* leaves its files out */
    int threads;       /* 0: one for each core */
    /* Called now and then, from any thread, one at a time; false: PRECIS_ECANCELLED. May be NULL.
     */
    bool (*progress)(void *user, uint64_t done, uint64_t total);
    void *user;
};

enum { EXPORT_MOST_FILES = 24 };

struct export_result {
    struct {
        char name[64];
        uint64_t size;
    } files[EXPORT_MOST_FILES];
    int n_files;
    unsigned context; /* tokens; less than the model's where its long rope is left out */
};

/* The folder is whole or as it was: files go to a temporary folder beside it, which takes its name
 * at the end. A folder that is there must be empty, or, with `force`, an earlier export (it has a
 * model.onnx and no folders in it). Errors: PRECIS_EIO, PRECIS_EUSAGE (the folder is not empty),
 * PRECIS_EUNSUPPORTED (by name: an encoder, a head that the operators cannot rotate, a tokenizer
 * that cannot be written), PRECIS_EINPUT, PRECIS_ENOMEM, PRECIS_ECANCELLED. */
int export_onnx(const struct checkpoint *c, const char *folder, const struct export_options *o,
                struct export_result *result, struct err *e);

#endif
