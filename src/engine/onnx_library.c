#include "engine/onnx_library.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"

enum { API = 21 }; /* what is asked of the library, whatever newer header this was built with */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct onnx_library library; /* api NULL: not loaded yet */

int onnx_check(const struct onnx_library *l, OrtStatus *status, const char *what, struct err *e) {
    if (!status)
        return 0;
    const char *text = l->api->GetErrorMessage(status);
    int code = PRECIS_EINPUT;
    switch (l->api->GetErrorCode(status)) {
    case ORT_NO_SUCHFILE:
        code = PRECIS_ENOTFOUND;
        break;
    case ORT_NOT_IMPLEMENTED:
        code = PRECIS_EUNSUPPORTED;
        break;
    default:
        if (strstr(text, "bad_alloc") || strstr(text, "Failed to allocate"))
            code = PRECIS_ENOMEM;
    }
    err_set(e, code, "%s: ONNX Runtime: %s", what, text);
    l->api->ReleaseStatus(status);
    return code;
}

/* Fills l in from a loaded object. */
static int use(struct onnx_library *l, void *object, const char *name, struct err *e) {
    const OrtApiBase *(*get_base)(void);
    *(void **)&get_base = dlsym(object, "OrtGetApiBase");
    Dl_info info;
    if (!get_base)
        return err_set(e, PRECIS_EUNSUPPORTED, "%s: is not ONNX Runtime (it has no OrtGetApiBase)",
                       name);
    bool known = dladdr(*(void **)&get_base, &info) && info.dli_fname;
    snprintf(l->path, sizeof l->path, "%s", known ? info.dli_fname : name);
    const OrtApiBase *base = get_base();
    snprintf(l->version, sizeof l->version, "%s", base->GetVersionString());
    l->api = base->GetApi(API);
    if (l->api)
        return 0;
    return err_set(e, PRECIS_EUNSUPPORTED,
                   "%s: is ONNX Runtime %s: precis needs 1.%d or later (tools/setup.sh --onnx gets "
                   "one)",
                   l->path, l->version, API);
}

static int load(struct onnx_library *l, const char *name, bool *there, struct err *e) {
    void *object = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    *there = object != NULL;
    if (!object) {
        const char *why = dlerror();
        return err_set(e, PRECIS_ENOTFOUND, "%s", why ? why : name);
    }
    int rc = use(l, object, name, e);
    if (rc)
        dlclose(object);
    return rc;
}

/* The first that will do. The first that is there and will not says why. */
static int search(struct onnx_library *l, struct err *e) {
    const char *named = getenv("PRECIS_ONNXRUNTIME");
    bool there, any = false;
    if (named && *named) {
        int rc = load(l, named, &there, e);
        return rc ? (err_prefix(e, "PRECIS_ONNXRUNTIME"), rc) : 0;
    }
    char folder[4000], own[4096] = "";
    if (file_xdg_dir("XDG_DATA_HOME", ".local/share", folder, sizeof folder, NULL) == 0)
        snprintf(own, sizeof own, "%s/lib/libonnxruntime.so.1", folder);
    const char *const names[] = {"libonnxruntime.so.1", "libonnxruntime.so", own};
    struct err first = {0}, why;
    for (int i = 0; i < 3; i++) {
        if (!*names[i])
            continue;
        if (load(l, names[i], &there, &why) == 0)
            return 0;
        if (there && !any)
            first = why;
        any |= there;
    }
    if (any) {
        if (e)
            *e = first;
        return first.code;
    }
    return err_set(e, PRECIS_ENOTFOUND,
                   "ONNX models need ONNX Runtime's library, which was not found (looked for "
                   "libonnxruntime.so.1, libonnxruntime.so and %s): get it with 'tools/setup.sh "
                   "--onnx', or name it in PRECIS_ONNXRUNTIME",
                   own);
}

static void ORT_API_CALL on_message(void *user, OrtLoggingLevel severity, const char *category,
                                    const char *id, const char *where_, const char *message) {
    (void)user;
    (void)category;
    (void)id;
    (void)where_;
    log_say(severity >= ORT_LOGGING_LEVEL_ERROR ? LOG_INFO : LOG_DEBUG, "ONNX Runtime: %s",
            message);
}

static int start(struct onnx_library *l, struct err *e) {
    const OrtApi *api = l->api;
    if (!api)
        return err_set(e, PRECIS_ENOTFOUND, "ONNX Runtime's library was not loaded");
    int rc = onnx_check(l,
                        api->CreateEnvWithCustomLogger(on_message, NULL, ORT_LOGGING_LEVEL_WARNING,
                                                       "precis", &l->env),
                        l->path, e);
    if (rc == 0)
        rc = onnx_check(l, api->DisableTelemetryEvents(l->env), l->path, e);
    if (rc == 0)
        rc = onnx_check(l, api->CreateCpuMemoryInfo(OrtDeviceAllocator, OrtMemTypeDefault, &l->cpu),
                        l->path, e);
    if (rc == 0)
        rc = onnx_check(l, api->GetAllocatorWithDefaultOptions(&l->names), l->path, e);
    if (rc == 0)
        return 0;
    api->ReleaseMemoryInfo(l->cpu);
    api->ReleaseEnv(l->env);
    return rc;
}

int onnx_library_get(const struct onnx_library **out, struct err *e) {
    pthread_mutex_lock(&lock);
    int rc = 0;
    if (!library.api) {
        struct onnx_library l = {0};
        rc = search(&l, e);
        if (rc == 0)
            rc = start(&l, e);
        if (rc == 0) {
            library = l;
            log_say(LOG_INFO, "ONNX Runtime %s from %s", l.version, l.path);
        }
    }
    pthread_mutex_unlock(&lock);
    *out = &library;
    return rc;
}

static bool offers(const struct onnx_library *l, const char *provider) {
    char **names;
    int n = 0;
    bool found = false;
    OrtStatus *status = l->api->GetAvailableProviders(&names, &n);
    if (status) {
        l->api->ReleaseStatus(status);
        return false;
    }
    for (int i = 0; i < n; i++)
        found |= strcmp(names[i], provider) == 0;
    status = l->api->ReleaseAvailableProviders(names, n);
    if (status)
        l->api->ReleaseStatus(status);
    return found;
}

static OrtStatus *append(const struct onnx_library *l, enum device d, OrtSessionOptions *o) {
    if (d == DEVICE_COREML)
        return l->api->SessionOptionsAppendExecutionProvider(o, "CoreML", NULL, NULL, 0);
    OrtCUDAProviderOptionsV2 *cuda = NULL;
    OrtStatus *status = l->api->CreateCUDAProviderOptions(&cuda);
    if (!status)
        status = l->api->SessionOptionsAppendExecutionProvider_CUDA_V2(o, cuda);
    if (cuda)
        l->api->ReleaseCUDAProviderOptions(cuda);
    return status;
}

/* Adds the device's provider. auto: falls back to the CPU, aloud. */
static int add_device(const struct onnx_library *l, enum device *device, OrtSessionOptions *o,
                      struct err *e) {
    static const struct {
        enum device device;
        const char *provider;
    } kinds[] = {{DEVICE_CUDA, "CUDAExecutionProvider"},
                 {DEVICE_COREML, "CoreMLExecutionProvider"}};
    enum device asked = *device;
    *device = DEVICE_CPU;
    for (int i = 0; i < 2; i++) {
        if (asked != kinds[i].device && asked != DEVICE_AUTO)
            continue;
        if (!offers(l, kinds[i].provider)) {
            if (asked != DEVICE_AUTO)
                return err_set(e, PRECIS_EUNSUPPORTED,
                               "--device %s: the ONNX Runtime at %s has no %s", device_name(asked),
                               l->path, kinds[i].provider);
            continue;
        }
        struct err why;
        int rc = onnx_check(l, append(l, kinds[i].device, o), device_name(kinds[i].device), &why);
        if (rc == 0) {
            *device = kinds[i].device;
            return 0;
        }
        if (asked != DEVICE_AUTO) {
            if (e)
                *e = why;
            return rc;
        }
        log_say(LOG_WARN, "%s; computing on the CPU", why.text);
    }
    return 0;
}

int onnx_session_options(const struct onnx_library *l, enum device *device, OrtSessionOptions **out,
                         struct err *e) {
    const OrtApi *api = l->api;
    OrtSessionOptions *o = NULL;
    static const char what[] = "session options";
    *out = NULL;
    int rc = onnx_check(l, api->CreateSessionOptions(&o), what, e);
    if (rc)
        return rc;
    rc = onnx_check(l, api->SetIntraOpNumThreads(o, 1), what, e);
    if (rc == 0)
        rc = onnx_check(l, api->SetInterOpNumThreads(o, 1), what, e);
    if (rc == 0) /* shapes change with every step: plans for each would only pile up */
        rc = onnx_check(l, api->DisableMemPattern(o), what, e);
    if (rc == 0)
        rc = onnx_check(l, api->DisableCpuMemArena(o), what, e);
    if (rc == 0)
        rc = add_device(l, device, o, e);
    if (rc)
        api->ReleaseSessionOptions(o);
    else
        *out = o;
    return rc;
}
