/* Preloaded: the clock on the wall is wrong by as many seconds as a file says; the clocks since boot stay right. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static long wrong(void)
{
    const char *path = getenv("WALLCLOCK");
    FILE *file = path ? fopen(path, "r") : NULL;
    long seconds = 0;
    if (file) {
        if (fscanf(file, "%ld", &seconds) != 1)
            seconds = 0;
        fclose(file);
    }
    return seconds;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    static int (*real)(clockid_t, struct timespec *);
    int answer;
    if (!real)
        real = dlsym(RTLD_NEXT, "clock_gettime");
    answer = real(clock, now);
    if (answer == 0 && clock == CLOCK_REALTIME)
        now->tv_sec += wrong();
    return answer;
}

time_t time(time_t *place)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (place)
        *place = now.tv_sec;
    return now.tv_sec;
}
