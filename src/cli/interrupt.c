#include "cli/cli.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/pace.h"

static atomic_bool stop;
static _Atomic(const char *) temp;

/* Only calls that are safe in a signal handler (signal-safety(7)). */
static void on_signal(int number) {
    pace_release();
    if (!atomic_exchange(&stop, true))
        return;
    const char *path = atomic_load(&temp);
    if (path)
        unlink(path);
    signal(number, SIG_DFL);
    raise(number);
}

atomic_bool *interrupt_flag(void) {
    static bool installed;
    if (!installed) {
        installed = true;
        static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
        for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
            struct sigaction old, action;
            memset(&action, 0, sizeof action);
            action.sa_handler = on_signal;
            sigemptyset(&action.sa_mask);
            action.sa_flags = SA_RESTART;
            /* nohup and background jobs of a shell ask that a signal be ignored */
            if (sigaction(numbers[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
                sigaction(numbers[i], &action, NULL);
        }
    }
    return &stop;
}

bool interrupted(void) {
    return atomic_load(&stop);
}

void interrupt_note_temp(const char *path) {
    atomic_store(&temp, path);
}
