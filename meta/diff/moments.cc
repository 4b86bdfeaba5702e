#include "meta/diff/moments.h"

namespace mendfs {

Status EachEntryPair(const Moments& moments, const KeyRange& range,
                     const std::function<Status(const EntryPair&)>& visit) {
  const auto before = moments.reader.Scan(moments.before, range);
  const auto after = moments.reader.Scan(moments.after, range);
  while (before->Valid() || after->Valid()) {
    const int order = !before->Valid()  ? 1
                      : !after->Valid() ? -1
                                        : before->key().compare(after->key());
    EntryPair pair;
    if (order <= 0) pair.before = before.get();
    if (order >= 0) pair.after = after.get();
    MENDFS_RETURN_IF_ERROR(visit(pair));
    if (order <= 0) before->Next();
    if (order >= 0) after->Next();
  }
  MENDFS_RETURN_IF_ERROR(before->status());
  return after->status();
}

}  // namespace mendfs
