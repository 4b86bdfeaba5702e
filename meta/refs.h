// Refs: how people name a commit.
//
//   9f86d081884c7d65     8 or more hexadecimal digits of its id, all 32 of them for good
//   HEAD, HEAD~3         the newest commit; the third before it
//   2026-11-20           the newest at the end of that day, UTC
//   2026-11-20T12:30Z    the newest at that time
//   90s-ago, 5m-ago, 2h-ago, 3d-ago, 1w-ago
//   release/1            the commit of the snapshot of that name
//
// History is thinned: a time means the newest commit of before that is kept, HEAD~3 counts those
// that are kept. A ref means another commit later; an id never does.
//
// Threads:  as Store
// Errors:   kInvalid for words that are no ref and for digits that several commits begin with,
//           kNotFound where no commit is kept that is meant, and for a name that no snapshot has
// Cost:     linear in the commits between the head and the one that is meant; of an id, in those
//           that are kept
#pragma once

#include <string_view>

#include "meta/store.h"

namespace mendfs {

inline constexpr size_t kCommitIdTextBytes = 32;

Result<CommitRow> FindCommit(Store& store, BranchId branch, std::string_view ref);
// A date, a time, or so long ago: a ref that always means something, if perhaps nothing that is
// kept.
bool IsTimeRef(std::string_view text);
// Would mean, or looks as if it meant, something else than a snapshot: no snapshot has such a name.
bool ReadsAsRef(std::string_view text);
// A whole id, as commits are shown: 32 lower-case digits.
bool IsCommitId(std::string_view text);

}  // namespace mendfs
