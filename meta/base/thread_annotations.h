// Names for clang's thread-safety attributes; nothing on other compilers.
#pragma once

#if defined(__clang__)
#define MENDFS_THREAD_ATTRIBUTE(x) __attribute__((x))
#else
#define MENDFS_THREAD_ATTRIBUTE(x)
#endif

#define CAPABILITY(x) MENDFS_THREAD_ATTRIBUTE(capability(x))
#define SCOPED_CAPABILITY MENDFS_THREAD_ATTRIBUTE(scoped_lockable)
#define GUARDED_BY(x) MENDFS_THREAD_ATTRIBUTE(guarded_by(x))
#define PT_GUARDED_BY(x) MENDFS_THREAD_ATTRIBUTE(pt_guarded_by(x))
#define REQUIRES(...) MENDFS_THREAD_ATTRIBUTE(requires_capability(__VA_ARGS__))
#define REQUIRES_SHARED(...) MENDFS_THREAD_ATTRIBUTE(requires_shared_capability(__VA_ARGS__))
#define ACQUIRE(...) MENDFS_THREAD_ATTRIBUTE(acquire_capability(__VA_ARGS__))
#define ACQUIRE_SHARED(...) MENDFS_THREAD_ATTRIBUTE(acquire_shared_capability(__VA_ARGS__))
#define RELEASE(...) MENDFS_THREAD_ATTRIBUTE(release_capability(__VA_ARGS__))
#define RELEASE_SHARED(...) MENDFS_THREAD_ATTRIBUTE(release_shared_capability(__VA_ARGS__))
#define EXCLUDES(...) MENDFS_THREAD_ATTRIBUTE(locks_excluded(__VA_ARGS__))
#define NO_THREAD_SAFETY_ANALYSIS MENDFS_THREAD_ATTRIBUTE(no_thread_safety_analysis)
