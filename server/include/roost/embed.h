/* The server inside another process, in plain C: how `python app.py` runs the very same master, prototypes and workers
 * as `roost serve`. Exported by libroost_core; the Python package opens that library only then, as under `roost serve`
 * it is loaded already.
 */
#ifndef ROOST_EMBED_H
#define ROOST_EMBED_H

#include "roost/abi.h"

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define ROOST_EXPORT __attribute__((visibility("default")))
#else
#define ROOST_EXPORT
#endif

/* Serves in the calling process itself, without master, workers and reloads: for a program whose other threads would
 * not be in a forked one. */
#define ROOST_EMBED_ALONE 1u

typedef struct roost_embedding {
  uint32_t struct_size;
  uint32_t flags;          /* ROOST_EMBED_... */
  roost_str configuration; /* YAML, and so JSON as well; what is relative in it is relative to `directory` */
  roost_str name;          /* shown in messages in place of a file */
  roost_str directory;     /* absolute */
  const roost_plugin*
      plugin; /* registered in each prototype beside the plugins of the configuration; claims `python` */
  const roost_value* plugin_config;
  /* A command that starts this program again, for a reload and for --dev: what makes a prototype with the new code.
   * NULL-terminated, argv[0] an absolute path. */
  const char* const* command;

  void* arg;
  /* Around each fork(), in the process that forks; after_fork also in the child, child != 0. May be NULL. */
  void (*before_fork)(void* arg);
  void (*after_fork)(void* arg, int child);
  /* Around each wait of the master: releases and takes back the interpreter's lock. May be NULL. */
  void (*before_wait)(void* arg);
  /* Nonzero: a signal's handler asked to stop (KeyboardInterrupt): the master drains and stops. */
  int (*after_wait)(void* arg);
} roost_embedding;

/* Serves until stopped by a signal or `roost stop`; returns in the master alone, with its exit status (0: stopped in
 * order). Children end by _exit(). On the main thread; with ROOST_EMBED_ALONE on any, one at a time. */
ROOST_EXPORT int roost_embed_serve(const roost_embedding* embedding);

/* "1.0.0". Static. */
ROOST_EXPORT const char* roost_embed_version(void);

#ifdef __cplusplus
}
#endif
#endif /* ROOST_EMBED_H */
