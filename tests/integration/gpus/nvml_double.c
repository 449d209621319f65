/* A double of libnvidia-ml.so.1 for tests: as much of it as Winslow asks for. What it says stands in the file
 * $NVML_DOUBLE, read anew at every call: lines "index key value", index -1 for the driver. Spaces in values are "_".
 *   -1: count, driver, init (an error code), hang (1: calls wait until it is 0)
 *   each GPU: uuid, name, total and used (MiB), use (percent; without it, not told), temperature, capability (75 is 7.5),
 *     pids (how many programs), lost (an error code), programs (instead of pids: "PID:MIB,PID:MIB", MIB -1: not told),
 *     mig (how many instances it is cut into; without it, it cannot be cut)
 *   an instance: uuid, name, total, pids, programs; instance K of GPU I has the index 16 + 8 * I + K
 * Which GPUs there are is fixed when a session begins, as with the real one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct { int index; } Device;
typedef struct { unsigned pid; unsigned long long used; unsigned gpu_instance, compute_instance; } Process;
enum { SUCCESS = 0, UNINITIALIZED = 1, INVALID = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6, INSUFFICIENT_SIZE = 7 };

enum { GPUS = 16, PARTS = 8 };
static Device devices[GPUS + GPUS * PARTS];
static int open_count = 0, sessions = 0;

static void text(int index, const char *key, char *value, const char *otherwise) {
  char line_key[64], line_value[256];
  int line_index;
  FILE *file = fopen(getenv("NVML_DOUBLE"), "r");
  strcpy(value, otherwise);
  if (!file) return;
  while (fscanf(file, "%d %63s %255s", &line_index, line_key, line_value) == 3)
    if (line_index == index && !strcmp(line_key, key)) strcpy(value, line_value);
  fclose(file);
  for (char *at = value; *at; at++) if (*at == '_') *at = ' ';
}

static long number(int index, const char *key, long otherwise) {
  char value[256];
  text(index, key, value, "");
  return *value ? atol(value) : otherwise;
}

static int ready(void) {
  while (number(-1, "hang", 0)) usleep(20000);
  return sessions ? SUCCESS : UNINITIALIZED;
}

#define READY int error = ready(); if (error) return error
#define DEVICE READY; int index = ((Device *)device)->index; error = number(index, "lost", 0); if (error) return error

int nvmlInitWithFlags(unsigned flags) {
  while (number(-1, "hang", 0)) usleep(20000);
  int error = number(-1, "init", 0);
  if (error) return error;
  for (int i = 0; i < GPUS + GPUS * PARTS; i++) devices[i].index = i;
  if (!sessions++) open_count = number(-1, "count", 0);
  return SUCCESS;
}

int nvmlShutdown(void) { if (!sessions) return UNINITIALIZED; sessions--; return SUCCESS; }

const char *nvmlErrorString(int error) { return "an error of the double"; }

int nvmlSystemGetDriverVersion(char *value, unsigned size) {
  READY;
  char found[256];
  text(-1, "driver", found, "570.86.10");
  snprintf(value, size, "%s", found);
  return SUCCESS;
}

int nvmlDeviceGetCount_v2(unsigned *count) { READY; *count = open_count; return SUCCESS; }

int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **device) {
  READY;
  if ((int)index >= open_count) return INVALID;
  *device = &devices[index];
  return number(index, "handle", 0);
}

int nvmlDeviceGetName(void *device, char *value, unsigned size) {
  READY;
  char found[256];
  text(((Device *)device)->index, "name", found, "NVIDIA GeForce RTX 2080");
  snprintf(value, size, "%s", found);
  return SUCCESS;
}

int nvmlDeviceGetUUID(void *device, char *value, unsigned size) {
  READY;
  char found[256];
  text(((Device *)device)->index, "uuid", found, "");
  snprintf(value, size, "%s", found);
  return SUCCESS;
}

int nvmlDeviceGetMemoryInfo(void *device, unsigned long long *memory) {
  DEVICE;
  memory[0] = number(index, "total", 8192) * 1048576ULL;
  memory[2] = number(index, "used", 0) * 1048576ULL;
  memory[1] = memory[0] - memory[2];
  return SUCCESS;
}

int nvmlDeviceGetHandleByUUID(const char *uuid, void **device) {
  READY;
  for (int i = 0; i < open_count; i++) {
    char found[256];
    text(i, "uuid", found, "");
    if (strcmp(found, uuid)) continue;
    *device = &devices[i];
    return number(i, "handle", 0);
  }
  for (int i = GPUS; i < GPUS + open_count * PARTS; i++) {
    char found[256];
    text(i, "uuid", found, "");
    if (strcmp(found, uuid)) continue;
    *device = &devices[i];
    return SUCCESS;
  }
  return NOT_FOUND;
}

int nvmlDeviceGetUtilizationRates(void *device, unsigned *rates) {
  DEVICE;
  if (number(index, "use", -1) < 0) return NOT_SUPPORTED;
  rates[0] = number(index, "use", 0);
  rates[1] = 0;
  return SUCCESS;
}

int nvmlDeviceGetTemperature(void *device, int sensor, unsigned *degrees) {
  DEVICE;
  *degrees = number(index, "temperature", 40);
  return SUCCESS;
}

int nvmlDeviceGetCudaComputeCapability(void *device, int *major, int *minor) {
  DEVICE;
  long capability = number(index, "capability", 75);
  *major = capability / 10;
  *minor = capability % 10;
  return SUCCESS;
}

int nvmlDeviceGetMigMode(void *device, unsigned *now, unsigned *next) {
  DEVICE;
  if (number(index, "mig", -1) < 0) return NOT_SUPPORTED;
  *now = *next = 1;
  return SUCCESS;
}

int nvmlDeviceGetMaxMigDeviceCount(void *device, unsigned *count) { DEVICE; *count = 7; return SUCCESS; }

int nvmlDeviceGetMigDeviceHandleByIndex(void *device, unsigned at, void **part) {
  DEVICE;
  if ((long)at >= number(index, "mig", 0)) return NOT_FOUND;
  *part = &devices[GPUS + index * PARTS + at];
  return SUCCESS;
}

static int programs(const char *said, unsigned *count, Process *found) {
  unsigned wanted = 1, room = *count;
  for (const char *at = said; *at; at++) wanted += *at == ',';
  *count = wanted;
  if (room < wanted) return INSUFFICIENT_SIZE;
  for (unsigned i = 0; i < wanted; i++) {
    long pid = 0, used = 0;
    sscanf(said, "%ld:%ld", &pid, &used);
    found[i] = (Process){pid, used < 0 ? ~0ULL : used * 1048576ULL, ~0u, ~0u};
    said = strchr(said, ',') ? strchr(said, ',') + 1 : "";
  }
  return SUCCESS;
}

static int processes(void *device, unsigned *count, Process *found) {
  DEVICE;
  char said[256];
  text(index, "programs", said, "");
  if (*said && strcmp(said, "-")) return programs(said, count, found);
  unsigned wanted = number(index, "pids", 0), room = *count;
  *count = wanted;
  if (!wanted) return SUCCESS;
  if (room < wanted) return INSUFFICIENT_SIZE;
  for (unsigned i = 0; i < wanted; i++) found[i] = (Process){4000 + i, 1 << 20, ~0u, ~0u};
  return SUCCESS;
}

#ifndef OLD /* a driver before 510 has no third version */
int nvmlDeviceGetComputeRunningProcesses_v3(void *device, unsigned *count, Process *found) {
  return processes(device, count, found);
}
#endif
int nvmlDeviceGetComputeRunningProcesses_v2(void *device, unsigned *count, Process *found) {
  return processes(device, count, found);
}
