#define _GNU_SOURCE
#include "CKernels.h"
#include <sched.h>
#include <unistd.h>

int sluice_core_count(void) {
    cpu_set_t cores;
    if (sched_getaffinity(0, sizeof cores, &cores) == 0) return CPU_COUNT(&cores);
    return (int)sysconf(_SC_NPROCESSORS_ONLN);
}

int sluice_pin_to_first_core(void) {
    cpu_set_t allowed, first;
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return -1;
    CPU_ZERO(&first);
    for (int core = 0; core < CPU_SETSIZE; core++) {
        if (!CPU_ISSET(core, &allowed)) continue;
        CPU_SET(core, &first);
        return sched_setaffinity(0, sizeof first, &first);
    }
    return -1;
}
