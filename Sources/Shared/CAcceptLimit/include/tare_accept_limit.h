#pragma once
// A process that serves connections keeps some file descriptors for itself.
//
// Linking this library replaces accept4 in the whole process, also where libzmq and SwiftNIO call it: a connection that would
// get one of the last descriptors is closed at once, and the caller sees EMFILE. The others stay for files. Without
// this, strangers who connect and say nothing can take the last one, and then libdispatch, which opens /proc/TID/stat of its
// own workers now and then, ends the process with an illegal instruction ("workq: registered worker exited prematurely").
#include <stdint.h>

/// Connections that this process has closed for want of descriptors since it began.
uint64_t tare_refused_connections(void);

/// Descriptors that connections leave to the rest of a process that may have `limit`: an eighth of them, from 32 to 256.
uint64_t tare_reserved_descriptors(uint64_t limit);
