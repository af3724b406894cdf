#define _GNU_SOURCE
#include "CKernels.h"
#include <sched.h>
#include <unistd.h>

int sluice_core_count(void) {
    cpu_set_t cores;
    if (sched_getaffinity(0, sizeof cores, &cores) == 0) return CPU_COUNT(&cores);
    return (int)sysconf(_SC_NPROCESSORS_ONLN);
}
