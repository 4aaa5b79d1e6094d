/* Delays each sync of a file by SYNC_DELAY_US microseconds, like a disk that needs so long: preload it. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

static void delay(void) {
    const char *text = getenv("SYNC_DELAY_US");
    usleep(text ? (useconds_t) atoi(text) : 0);
}

int fsync(int file) {
    int (*next)(int) = (int (*)(int)) dlsym(RTLD_NEXT, "fsync");
    delay();
    return next(file);
}

int fdatasync(int file) {
    int (*next)(int) = (int (*)(int)) dlsym(RTLD_NEXT, "fdatasync");
    delay();
    return next(file);
}
