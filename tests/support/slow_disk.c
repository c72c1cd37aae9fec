/* Preloaded into a server by tests: what is to be safe on the disk takes SLOW_DISK_MS milliseconds longer. */
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <dlfcn.h>

static int slowly(const char *name, int fd)
{
    int (*real)(int);
    const char *text = getenv("SLOW_DISK_MS");
    long ms = text ? atol(text) : 0;
    struct timespec wait = { ms / 1000, ms % 1000 * 1000000 };
    nanosleep(&wait, NULL);
    *(void **)&real = dlsym(RTLD_NEXT, name);
    return real(fd);
}

int fsync(int fd)
{
    return slowly("fsync", fd);
}

int fdatasync(int fd)
{
    return slowly("fdatasync", fd);
}
