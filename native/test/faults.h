/*
 * Calls of the system that fail when a test wants it: memory and threads that Duet's native libraries ask for, and what is done with the
 * files below a folder. faults.cpp defines malloc, open and so on anew, in a test program or in libduet_faults.so, which a program gets by
 * LD_PRELOAD. Everything else in the process stays as it is.
 */
#pragma once
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What counts: either of these, or their sum. */
#define DUET_FAULTS_MEMORY 1 /* malloc, mmap, pthread_create and so on, called by a library libduet_*.so that is loaded now */
#define DUET_FAULTS_FILES 2  /* open, write, close, rename and so on, below the folder in the environment's DUET_FAULTS */

/*
 * From now on calls are counted, from 1, and those with the numbers first .. last fail: memory with ENOMEM, threads with EAGAIN, files with
 * `file_error`. A file that fails to close is closed. Forgets the counts of the time before.
 */
void duet_faults_arm(int32_t kinds, int64_t first, int64_t last, int32_t file_error);
/* Calls since then; none fails or counts any more. */
int64_t duet_faults_disarm(void);
/* Calls that have failed since the last duet_faults_arm. */
int64_t duet_faults_struck(void);
/* The name of the last one that did, such as "rename"; "" if none did. */
const char *duet_faults_last(void);

#ifdef __cplusplus
}
#endif
