/* The inside of a public model handle, and what all public functions do the same way. */
#ifndef PRECIS_API_HANDLE_H
#define PRECIS_API_HANDLE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "api/model.h"

struct precis_model {
    struct model m;
    struct err no_chat;    /* why m.chat is NULL */
    pthread_rwlock_t turn; /* read: generate; write: summarise, which cancels all jobs of the engine
                              when it is stopped */
};

/* Puts the line of *e ("" when rc is 0) into the caller's buffer, cut between characters. Returns
 * rc. */
int api_return(int rc, const struct err *e, char *error, size_t error_size);

/* Around every callback: what computes refuses to work within one, where it could wait for itself
 * for ever. */
void api_enter_callback(void);
void api_leave_callback(void);
int api_check_outside(struct err *e); /* PRECIS_EUSAGE within a callback */

/* Checks and converts. PRECIS_EUSAGE names the field and the value. */
int api_sampling(const struct precis_sampling *from, struct sampling *to, struct err *e);

#endif
