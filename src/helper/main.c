/* main.c - kith-helper TASK [ARGUMENT]: limits first, then the work. */

#include "helper/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

enum { MEMORY_MB = 1024, CPU_SECONDS = 600, FILES = 16 };

static const struct task {
    const char *name;
    const char *help;
} tasks[] = { { "xlsx-to-csv", "a spreadsheet as CSV" }, { "csv-to-xlsx", "CSV as a spreadsheet" },
    { "vcard-to-csv", "vCards as CSV" } };

static bool limit(int what, rlim_t most)
{
    struct rlimit l = { most, most };

    return setrlimit(what, &l) == 0;
}

/* From here on: reading, writing, memory, the end. No new file, process or connection. A temporary file that
 * a library needs is opened before, or is memory. */
static bool shut_doors(bool makes_files)
{
    static const int calls[] = { SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(readv), SCMP_SYS(writev),
        SCMP_SYS(pread64), SCMP_SYS(pwrite64), SCMP_SYS(lseek), SCMP_SYS(brk), SCMP_SYS(mmap),
        SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(mprotect), SCMP_SYS(fstat),
        SCMP_SYS(newfstatat), SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(rt_sigreturn),
        SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(futex), SCMP_SYS(close),
        SCMP_SYS(clock_gettime), SCMP_SYS(getrandom), SCMP_SYS(gettimeofday), SCMP_SYS(time),
        SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(tgkill), SCMP_SYS(sigaltstack), SCMP_SYS(fcntl) };
    static const int files[] = { SCMP_SYS(openat), SCMP_SYS(unlink), SCMP_SYS(unlinkat),
        SCMP_SYS(ftruncate), SCMP_SYS(umask), SCMP_SYS(stat), SCMP_SYS(lstat), SCMP_SYS(dup),
        SCMP_SYS(dup3), SCMP_SYS(access), SCMP_SYS(faccessat), SCMP_SYS(getcwd) };
    scmp_filter_ctx f = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    bool ok = f != NULL;

    for (size_t i = 0; ok && i < sizeof calls / sizeof *calls; i++) {
        ok = seccomp_rule_add(f, SCMP_ACT_ALLOW, calls[i], 0) == 0;
    }
    for (size_t i = 0; ok && makes_files && i < sizeof files / sizeof *files; i++) {
        ok = seccomp_rule_add(f, SCMP_ACT_ALLOW, files[i], 0) == 0;
    }
    ok = ok && seccomp_load(f) == 0;
    if (f) {
        seccomp_release(f);
    }
    return ok;
}

static bool confine(bool makes_files)
{
    bool ok = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && limit(RLIMIT_CPU, CPU_SECONDS)
        && limit(RLIMIT_NOFILE, FILES) && limit(RLIMIT_CORE, 0);

#ifndef ARENA_PLAIN /* the address sanitizer reserves terabytes, and asks the kernel for more */
    ok = ok && limit(RLIMIT_AS, (rlim_t)MEMORY_MB << 20) && shut_doors(makes_files);
#else
    (void)makes_files;
    (void)shut_doors;
#endif
    return ok;
}

static int usage(void)
{
    fputs("kith-helper TASK, started by kith: standard input to standard output\n", stderr);
    for (size_t i = 0; i < sizeof tasks / sizeof *tasks; i++) {
        fprintf(stderr, "  %-14s %s\n", tasks[i].name, tasks[i].help);
    }
    return 2;
}

int main(int argc, char **argv)
{
    const char *task = argc > 1 ? argv[1] : "";
    struct err e = { 0 };
    enum err_code code;

    if (!confine(strcmp(task, "csv-to-xlsx") == 0)) {
        fputs("the limits cannot be set\n", stderr);
        return 1;
    }
    if (strcmp(task, "xlsx-to-csv") == 0) {
        code = xlsx_to_csv(argc > 2 ? argv[2] : NULL, &e);
    } else if (strcmp(task, "csv-to-xlsx") == 0) {
        code = csv_to_xlsx(&e);
    } else if (strcmp(task, "vcard-to-csv") == 0) {
        code = vcard_to_csv(&e);
    } else {
        return usage();
    }
    if (code == OK && fflush(stdout) != 0) {
        code = err_set(&e, ERR_INTERNAL, NULL, "the output cannot be written");
    }
    if (code != OK) {
        fprintf(stderr, "%s\n", e.msg);
        return HELPER_BAD_FILE;
    }
    return 0;
}
