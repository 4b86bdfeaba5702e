// STORE/mendfs.json: what a store is.
//
// mendfs.json is the last file that mkfs writes: a directory is a store if and only if it is there.
//
// Source:   docs/formats/store.md
// Errors:   kNotFound: not a store; kUnsupported: a newer format; kCorruption
#pragma once

#include <string>

#include "meta/base/status.h"
#include "meta/disk/disk.h"
#include "meta/store.h"

namespace mendfs {

std::string EncodeIdentity(const StoreIdentity& identity);
Result<StoreIdentity> DecodeIdentity(std::string_view text);
Result<StoreIdentity> ReadIdentity(Disk& disk, const std::string& store_path);

// "pid 4711 on host" of this process.
std::string HolderText();

}  // namespace mendfs
