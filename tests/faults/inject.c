/* Calls of a whole program that fail when the environment says so; preloaded with LD_PRELOAD.
 *
 *   FAULTS_SAY=FILE     where counts are kept, a struct said, made and mapped by this library
 *   FAULTS_TRACE=FILE   where each call is noted, with a hash of the functions that led to it:
 *                       struct note
 *   FAULTS_KIND=KIND    the kind of which calls fail, a name below
 *   FAULTS_FROM=N       the first call that fails, from 0
 *   FAULTS_TO=N         the last one (FAULTS_FROM)
 *   FAULTS_ERRNO=N      what they fail with (EIO); 0: reads and writes do half of what they are
 *                       asked to do, and nothing fails
 *   FAULTS_SHIFT=N      seconds by which the clock on the wall is off from call FAULTS_FROM to
 *                       FAULTS_TO, for the kind "clock"
 *
 * Calls are counted over all threads, from the beginning of main to its end, when they are made by
 * the program, by SQLite, Jansson or PCRE2, or by the C library for one of them. What others do is
 * theirs: OpenMP ends the process when it has no memory. */
#undef _FILE_OFFSET_BITS /* with it open is another name of open64, and both are made here */
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <dirent.h>

enum kind {
    MEMORY,
    READ,
    WRITE,
    SYNC,
    MAP,
    THREAD,
    OPEN,
    NAME,
    REMOVE,
    SIZE,
    STAT,
    LOCK,
    CLOCK,
    KINDS
};
static const char *const names[KINDS] = {"memory", "read", "write", "sync",   "map",
                                         "thread", "open", "name",  "remove", "size",
                                         "stat",   "lock", "clock"};
enum { RANGES = 32, TEXT = 64, NOTES = 1 << 20, FRAMES = 8 };

/* In the file, for the one who started us; faults.py reads it. */
struct said {
    _Atomic uint64_t calls[KINDS];
    _Atomic uint64_t failed; /* how many */
    _Atomic uint64_t caller; /* of the first that failed: offset in its object */
    char call[TEXT], object[TEXT];
};

struct note {
    uint32_t kind, number;
    uint64_t way;
};

static struct said nobody, *said = &nobody;
static struct note *notes; /* NULL: none */
static atomic_uint n_notes;
static struct range {
    uintptr_t from, to, base;
    char name[TEXT];
} ranges[RANGES];
static int n_ranges;
static enum kind failing = KINDS;
static uint64_t first, last;
static int with = EIO;
static long shift;
static atomic_bool counting;

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

static const struct range *range_of(const void *address) {
    for (int i = 0; i < n_ranges; i++)
        if ((uintptr_t)address >= ranges[i].from && (uintptr_t)address < ranges[i].to)
            return &ranges[i];
    return NULL;
}

/* Addresses change from run to run, offsets do not. */
static void note(enum kind kind, uint64_t number) {
    static _Thread_local bool within; /* backtrace allocates, too */
    void *frames[FRAMES];
    unsigned i = within ? NOTES : atomic_fetch_add(&n_notes, 1);
    if (i >= NOTES)
        return;
    within = true;
    int n = backtrace(frames, FRAMES);
    within = false;
    uint64_t way = 0xcbf29ce484222325u; /* FNV-1a, by words */
    for (int f = 2; f < n; f++) {
        const struct range *r = range_of(frames[f]);
        if (r)
            way = (way ^ ((uintptr_t)frames[f] - r->base)) * 0x100000001b3u;
    }
    notes[i] = (struct note){.kind = (uint32_t)kind, .number = (uint32_t)number, .way = way};
}

static bool due(enum kind kind, const char *call, const void *caller) {
    if (!atomic_load_explicit(&counting, memory_order_relaxed))
        return false;
    const struct range *r = range_of(caller);
    if (!r)
        return false;
    uint64_t n = atomic_fetch_add(&said->calls[kind], 1);
    if (notes)
        note(kind, n);
    if (kind != failing || n < first || n > last)
        return false;
    if (atomic_fetch_add(&said->failed, 1) == 0) {
        snprintf(said->call, TEXT, "%s", call);
        snprintf(said->object, TEXT, "%s", r->name);
        atomic_store(&said->caller, (uint64_t)((uintptr_t)caller - r->base));
    }
    return true;
}

static int add_object(struct dl_phdr_info *info, size_t size, void *user) {
    static const char *const ours[] = {"/libsqlite3.", "/libjansson.", "/libpcre2-8.", "/libc."};
    (void)size, (void)user;
    const char *name = info->dlpi_name;
    bool counts = !*name; /* the program itself */
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        counts |= strstr(name, ours[i]) != NULL;
    for (int i = 0; counts && i < info->dlpi_phnum && n_ranges < RANGES; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];
        if (p->p_type != PT_LOAD || !(p->p_flags & PF_X))
            continue;
        struct range *r = &ranges[n_ranges++];
        const char *slash = strrchr(name, '/');
        r->base = info->dlpi_addr;
        r->from = r->base + p->p_vaddr;
        r->to = r->from + p->p_memsz;
        snprintf(r->name, sizeof r->name, "%s", slash ? slash + 1 : "precis");
    }
    return 0;
}

static uint64_t number(const char *name, uint64_t otherwise) {
    const char *s = getenv(name);
    return s && *s ? strtoull(s, NULL, 10) : otherwise;
}

/* NULL: no path, or it cannot be. */
static void *share(const char *path, size_t size) {
    int fd = path ? open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;
    void *p = MAP_FAILED;
    if (fd >= 0 && ftruncate(fd, (off_t)size) == 0)
        p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (fd >= 0)
        close(fd);
    return p == MAP_FAILED ? NULL : p;
}

static void begin(void) {
    const char *path = getenv("FAULTS_SAY"), *kind = getenv("FAULTS_KIND");
    void *p = share(path, sizeof *said);
    said = p ? p : &nobody;
    notes = share(getenv("FAULTS_TRACE"), NOTES * sizeof *notes);
    for (int i = 0; kind && i < KINDS; i++)
        if (strcmp(names[i], kind) == 0)
            failing = (enum kind)i;
    first = number("FAULTS_FROM", 0);
    last = number("FAULTS_TO", first);
    with = (int)number("FAULTS_ERRNO", EIO);
    const char *s = getenv("FAULTS_SHIFT");
    shift = s ? strtol(s, NULL, 10) : 0;
    dl_iterate_phdr(add_object, NULL);
    atomic_store(&counting, true);
}

static int (*real_main)(int, char **, char **);

static int main_between(int argc, char **argv, char **env) {
    begin();
    int rc = real_main(argc, argv, env);
    atomic_store(&counting, false);
    return rc;
}

/* The address of what a call would have been without us. */
static void *next(void **kept, const char *name) {
    if (!*kept)
        *kept = dlsym(RTLD_NEXT, name);
    return *kept;
}

#define REAL(type, name, parameters)                                                               \
    static void *kept_##name;                                                                      \
    type(*real) parameters;                                                                        \
    *(void **)&real = next(&kept_##name, #name)

#define CALLER __builtin_return_address(0)

int __libc_start_main(int (*main)(int, char **, char **), int argc, char **argv, void (*init)(void),
                      void (*fini)(void), void (*rtld_fini)(void), void *stack);
int __libc_start_main(int (*main)(int, char **, char **), int argc, char **argv, void (*init)(void),
                      void (*fini)(void), void (*rtld_fini)(void), void *stack) {
    REAL(int, __libc_start_main,
         (int (*)(int, char **, char **), int, char **, void (*)(void), void (*)(void),
          void (*)(void), void *));
    real_main = main;
    return real(main_between, argc, argv, init, fini, rtld_fini, stack);
}

#define FAIL_WITH(code, value) (errno = (code), (value))

void *malloc(size_t size) {
    return due(MEMORY, "malloc", CALLER) ? FAIL_WITH(ENOMEM, NULL) : __libc_malloc(size);
}

void *calloc(size_t n, size_t size) {
    return due(MEMORY, "calloc", CALLER) ? FAIL_WITH(ENOMEM, NULL) : __libc_calloc(n, size);
}

void *realloc(void *p, size_t size) {
    return due(MEMORY, "realloc", CALLER) ? FAIL_WITH(ENOMEM, NULL) : __libc_realloc(p, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    return due(MEMORY, "aligned_alloc", CALLER) ? FAIL_WITH(ENOMEM, NULL)
                                                : __libc_memalign(alignment, size);
}

/* A call that does what it does, or fails. */
#define WRAP(kind, type, name, parameters, arguments, on_failure)                                  \
    type name parameters {                                                                         \
        REAL(type, name, parameters);                                                              \
        return due(kind, #name, CALLER) ? FAIL_WITH(with, on_failure) : real arguments;            \
    }

/* The same, which may also do half of it. */
#define WRAP_BYTES(kind, type, name, parameters, arguments)                                        \
    type name parameters {                                                                         \
        REAL(type, name, parameters);                                                              \
        if (due(kind, #name, CALLER)) {                                                            \
            if (with)                                                                              \
                return FAIL_WITH(with, -1);                                                        \
            size = size > 1 ? size / 2 : size;                                                     \
        }                                                                                          \
        return real arguments;                                                                     \
    }

WRAP_BYTES(READ, ssize_t, read, (int fd, void *data, size_t size), (fd, data, size))
WRAP_BYTES(READ, ssize_t, pread64, (int fd, void *data, size_t size, off64_t at),
           (fd, data, size, at))
WRAP_BYTES(WRITE, ssize_t, write, (int fd, const void *data, size_t size), (fd, data, size))
WRAP_BYTES(WRITE, ssize_t, pwrite64, (int fd, const void *data, size_t size, off64_t at),
           (fd, data, size, at))

/* Streams call the system from within the C library, so they are made to look as if that had
 * failed: glibc's flag of an error in the stream, which ferror reads. */
static void spoil(FILE *f) {
    enum { ERROR_SEEN = 0x20 };
    f->_flags |= ERROR_SEEN;
    errno = with;
}

struct dirent64 *readdir64(DIR *folder) {
    REAL(struct dirent64 *, readdir64, (DIR *));
    if (with && due(READ, "readdir", CALLER))
        return FAIL_WITH(with, NULL);
    return real(folder);
}

ssize_t getrandom(void *out, size_t size, unsigned flags) {
    REAL(ssize_t, getrandom, (void *, size_t, unsigned));
    if (with && due(READ, "getrandom", CALLER))
        return FAIL_WITH(with, -1);
    return real(out, size, flags);
}

size_t fread(void *data, size_t size, size_t n, FILE *f) {
    REAL(size_t, fread, (void *, size_t, size_t, FILE *));
    if (with && due(READ, "fread", CALLER))
        return spoil(f), 0;
    return real(data, size, n, f);
}

ssize_t getdelim(char **line, size_t *size, int end, FILE *f) {
    REAL(ssize_t, getdelim, (char **, size_t *, int, FILE *));
    if (with && due(READ, "getdelim", CALLER))
        return spoil(f), -1;
    return real(line, size, end, f);
}

size_t fwrite(const void *data, size_t size, size_t n, FILE *f) {
    REAL(size_t, fwrite, (const void *, size_t, size_t, FILE *));
    if (with && f != stderr && due(WRITE, "fwrite", CALLER))
        return spoil(f), 0;
    return real(data, size, n, f);
}

int fflush(FILE *f) {
    REAL(int, fflush, (FILE *));
    if (with && f && f != stderr && due(WRITE, "fflush", CALLER))
        return spoil(f), EOF;
    return real(f);
}

/* Closed it is, whatever it says. */
int fclose(FILE *f) {
    REAL(int, fclose, (FILE *));
    bool fails = with && due(WRITE, "fclose", CALLER);
    int rc = real(f);
    return fails ? FAIL_WITH(with, EOF) : rc;
}

WRAP(SYNC, int, fsync, (int fd), (fd), -1)
WRAP(SYNC, int, fdatasync, (int fd), (fd), -1)
/* Without an error: a file of code that is mapped is cut to nothing. */
void *mmap64(void *at, size_t size, int prot, int flags, int fd, off64_t offset) {
    REAL(void *, mmap64, (void *, size_t, int, int, int, off64_t));
    bool fails = fd >= 0 && due(MAP, "mmap", CALLER);
    if (fails && with)
        return FAIL_WITH(with, MAP_FAILED);
    void *p = real(at, size, prot, flags, fd, offset);
    if (fails) {
        char link[TEXT], name[4096];
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        ssize_t n = readlink(link, name, sizeof name);
        if (n > 2 && memcmp(name + n - 2, ".c", 2) == 0)
            (void)!truncate(link, 0);
    }
    return p;
}

WRAP(NAME, int, rename, (const char *from, const char *to), (from, to), -1)
WRAP(NAME, int, renameat2, (int a, const char *from, int b, const char *to, unsigned flags),
     (a, from, b, to, flags), -1)
WRAP(NAME, int, linkat, (int a, const char *from, int b, const char *to, int flags),
     (a, from, b, to, flags), -1)
WRAP(NAME, int, mkdir, (const char *path, mode_t mode), (path, mode), -1)
WRAP(REMOVE, int, unlink, (const char *path), (path), -1)
WRAP(SIZE, int, ftruncate64, (int fd, off64_t size), (fd, size), -1)
WRAP(STAT, int, stat64, (const char *path, struct stat64 *st), (path, st), -1)
WRAP(STAT, int, lstat64, (const char *path, struct stat64 *st), (path, st), -1)
WRAP(STAT, int, fstat64, (int fd, struct stat64 *st), (fd, st), -1)
WRAP(STAT, int, fstatat64, (int fd, const char *path, struct stat64 *st, int flags),
     (fd, path, st, flags), -1)
WRAP(STAT, int, access, (const char *path, int mode), (path, mode), -1)
WRAP(STAT, char *, realpath, (const char *path, char *out), (path, out), NULL)
WRAP(STAT, ssize_t, readlink, (const char *path, char *out, size_t size), (path, out, size), -1)
WRAP(OPEN, DIR *, opendir, (const char *path), (path), NULL)
WRAP(OPEN, DIR *, fdopendir, (int fd), (fd), NULL)
WRAP(OPEN, FILE *, fopen64, (const char *path, const char *mode), (path, mode), NULL)
WRAP(OPEN, FILE *, fdopen, (int fd, const char *mode), (fd, mode), NULL)

int posix_fallocate64(int fd, off64_t offset, off64_t size) {
    REAL(int, posix_fallocate64, (int, off64_t, off64_t));
    return due(SIZE, "posix_fallocate", CALLER) ? with : real(fd, offset, size);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*work)(void *),
                   void *user) {
    REAL(int, pthread_create, (pthread_t *, const pthread_attr_t *, void *(*)(void *), void *));
    return due(THREAD, "pthread_create", CALLER) ? EAGAIN : real(thread, attributes, work, user);
}

/* The optional mode of open and its kin; reading one that is not there does no harm. */
#define MODE(mode, last_named)                                                                     \
    va_list arguments;                                                                             \
    va_start(arguments, last_named);                                                               \
    mode_t mode = va_arg(arguments, mode_t);                                                       \
    va_end(arguments)

#define WRAP_OPEN(name)                                                                            \
    int name(const char *path, int flags, ...) {                                                   \
        REAL(int, name, (const char *, int, ...));                                                 \
        MODE(mode, flags);                                                                         \
        return due(OPEN, #name, CALLER) ? FAIL_WITH(with, -1) : real(path, flags, mode);           \
    }

WRAP_OPEN(open)
WRAP_OPEN(open64)

int openat64(int folder, const char *path, int flags, ...) {
    REAL(int, openat64, (int, const char *, int, ...));
    MODE(mode, flags);
    return due(OPEN, "openat", CALLER) ? FAIL_WITH(with, -1) : real(folder, path, flags, mode);
}

int fcntl64(int fd, int what, ...) {
    REAL(int, fcntl64, (int, int, ...));
    va_list arguments;
    va_start(arguments, what);
    void *value = va_arg(arguments, void *);
    va_end(arguments);
    bool locks = what == F_SETLK || what == F_SETLKW;
    if (locks && due(LOCK, "fcntl", CALLER))
        return FAIL_WITH(with, -1);
    return real(fd, what, value);
}

static long off_by(const char *call, const void *caller) {
    return due(CLOCK, call, caller) ? shift : 0;
}

int clock_gettime(clockid_t clock, struct timespec *t) {
    REAL(int, clock_gettime, (clockid_t, struct timespec *));
    int rc = real(clock, t);
    if (rc == 0 && clock == CLOCK_REALTIME)
        t->tv_sec += off_by("clock_gettime", CALLER);
    return rc;
}

int gettimeofday(struct timeval *restrict t, void *restrict zone) {
    REAL(int, gettimeofday, (struct timeval *restrict, void *restrict));
    int rc = real(t, zone);
    if (rc == 0)
        t->tv_sec += off_by("gettimeofday", CALLER);
    return rc;
}

time_t time(time_t *t) {
    struct timespec now;
    REAL(int, clock_gettime, (clockid_t, struct timespec *));
    real(CLOCK_REALTIME, &now);
    now.tv_sec += off_by("time", CALLER);
    if (t)
        *t = now.tv_sec;
    return now.tv_sec;
}
