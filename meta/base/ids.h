// Typed numbers and ids. Two integers that must not be mixed up have two types.
//
// Threads: values.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace mendfs {

// A number that only converts on purpose. `Tag` tells two kinds apart.
template <typename Tag, typename Rep>
struct StrongNumber {
  Rep value = 0;
  constexpr StrongNumber() = default;
  constexpr explicit StrongNumber(Rep v) : value(v) {}
  friend constexpr auto operator<=>(const StrongNumber&, const StrongNumber&) = default;
};

// Position in the store-wide order of acknowledged changes; 0 is before the first one.
using Seq = StrongNumber<struct SeqTag, uint64_t>;
// A branch's number, never reused. 1 is main.
using BranchId = StrongNumber<struct BranchTag, uint32_t>;
// A node type, an edge type or a property, never reused within a store.
using TypeId = StrongNumber<struct TypeTag, uint32_t>;
using PropertyId = StrongNumber<struct PropertyTag, uint32_t>;
// Files and rows draw their numbers from one store-wide counter and never reuse one. The top bit is
// clear; numbers with the top bit set are hashes for views (see docs/formats/keys.md).
using InodeNumber = StrongNumber<struct InodeTag, uint64_t>;

inline constexpr BranchId kMainBranch{1};
// Reads at the newest state, whatever it is at that moment.
inline constexpr Seq kHeadSeq{UINT64_MAX};
inline constexpr InodeNumber kMountRoot{1};    // the mount point, as FUSE has it
inline constexpr InodeNumber kFilesRoot{2};    // files/
inline constexpr InodeNumber kScratchRoot{3};  // scratch files of the tables, by type id
inline constexpr InodeNumber kOrphanRoot{
    4};  // inodes with bytes left to free, see docs/formats/tree.md
inline constexpr uint64_t kFirstFreeInode = 64;  // below: fixed places
inline constexpr uint64_t kDerivedInodeBit = uint64_t{1} << 63;

// 128 random or hashed bits: objects, stores, operations, runs.
struct Id128 {
  std::array<uint8_t, 16> bytes{};
  friend constexpr auto operator<=>(const Id128&, const Id128&) = default;
};

// SHA-256 over a commit row. 16 bytes of it are shown, 4 suffice to name one.
struct CommitId {
  std::array<uint8_t, 32> bytes{};
  friend constexpr auto operator<=>(const CommitId&, const CommitId&) = default;
};

}  // namespace mendfs

template <typename Tag, typename Rep>
struct std::hash<mendfs::StrongNumber<Tag, Rep>> {
  size_t operator()(const mendfs::StrongNumber<Tag, Rep>& number) const noexcept {
    return std::hash<Rep>{}(number.value);
  }
};
