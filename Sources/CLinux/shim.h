#define _GNU_SOURCE
#include <errno.h>
