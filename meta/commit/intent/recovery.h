// Recovery: what becomes of the sidecars that failed or dead multi-step writes have left.
//
//   audit row says published     its commit is closed if none holds it yet; sidecar removed
//   audit row says discarded     what is left of its objects removed; sidecar removed
//   not confirmed                discarded
//   its branch is gone           discarded, and said so
//   a change since touches it    discarded (collision.h)
//   else                         published with its own actor and message and the time of its
//                                confirmation, on top of what there is now
//
// Discarding: 1 audit row, flushed · 2 objects that nothing names removed · 3 sidecar removed.
// Publishing: 1 record with plan and audit row, closing a commit, flushed · 2 sidecar removed.
// A crash after 1 finds the audit row and goes on behind it; before, it decides again from the same
// facts. Each sidecar is judged by what the ones before it left.
//
// Threads:  RecoverAtOpen before there is a second one; Heal from any thread
// Errors:   kRecoveryNeeded names the sidecar: damaged, newer, or not to be finished while the
// store
//           is open. Such a file is not touched, and nothing else was
#pragma once

#include "meta/base/status.h"
#include "meta/store.h"

namespace mendfs {

// What RecoverAtOpen would refuse for, as far as that shows in the sidecars themselves; before the
// store is opened. Nothing is changed.
Status CheckSidecars(Disk& disk, const std::string& store_path);
// For everything, at an open for writing. What cannot be done on a full disk waits.
Status RecoverAtOpen(Store& store);
// At an open for reading: nothing is changed, Describe tells what waits.
void NoteSidecars(Store& store);
// What NeedsHeal speaks of, with the gate held as a live writer holds it. Only finishes; what is to
// be discarded waits for the next open.
Status HealSidecars(Store& store);

}  // namespace mendfs
