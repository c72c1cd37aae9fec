/* Preloaded into a server by tests: names under .slow take three seconds to resolve, and do not. */
#include <netdb.h>
#include <string.h>
#include <unistd.h>

#include <dlfcn.h>

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                struct addrinfo **out)
{
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    size_t n = name ? strlen(name) : 0;
    if (n > 5 && strcmp(name + n - 5, ".slow") == 0) {
        sleep(3);
        return EAI_NONAME;
    }
    *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
    return real(name, service, hints, out);
}
