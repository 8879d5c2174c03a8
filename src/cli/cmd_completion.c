#include <string.h>

#include "cli/cli.h"
#include "cli/completion.h"

static const struct option_group *const groups[] = {&group_general, NULL};

static int run_completion(const struct args *a, struct err *e) {
    struct buf b = {0};
    if (a->operands.n != 1)
        return err_set(e, PRECIS_EUSAGE, "%s: only one shell at a time", a->operands.v[1]);
    const char *shell = a->operands.v[0];
    if (strcmp(shell, "bash") == 0)
        completion_bash(&b);
    else if (strcmp(shell, "zsh") == 0)
        completion_zsh(&b);
    else if (strcmp(shell, "fish") == 0)
        completion_fish(&b);
    else
        return err_set(e, PRECIS_EUSAGE, "completion %s: must be bash, zsh or fish", shell);
    int rc = buf_failed(&b) ? err_nomem(e, "completion") : 0;
    if (rc == 0) {
        fwrite(b.data, 1, b.len, stdout);
        rc = flush_stdout(e);
    }
    buf_free(&b);
    return rc;
}

const struct command command_completion = {
    .name = "completion",
    .operands = "bash|zsh|fish",
    .needs_operand = true,
    .choices = completion_shells,
    .unconfigured = true,
    .summary = "a shell's script that completes commands, options and values",
    .details = "Writes the script to standard output. Installed packages have it in place.",
    .groups = groups,
    .examples = "  source <(precis completion bash)\n"
                "  precis completion zsh > ~/.zfunc/_precis     with ~/.zfunc in fpath\n"
                "  precis completion fish > ~/.config/fish/completions/precis.fish\n",
    .run = run_completion,
};
