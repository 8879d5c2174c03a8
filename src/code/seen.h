/* A set of files by device and inode number. */
#ifndef PRECIS_CODE_SEEN_H
#define PRECIS_CODE_SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct seen_id {
    uint64_t device, inode;
    bool used;
};

struct seen {
    struct seen_id *v; /* owned; open addressing, a power of two of slots */
    size_t n, cap;
};

bool seen_has(const struct seen *s, uint64_t device, uint64_t inode);
/* 1: it is new and was added, 0: it was there, -1: out of memory. */
int seen_add(struct seen *s, uint64_t device, uint64_t inode);
void seen_free(struct seen *s);

#endif
