#include "meta/tree/inode_format.h"
#include "meta/tree/extent_format.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <string>
#include <vector>

#include "meta/codec/hash.h"

namespace mendfs {
namespace {

Attributes SomeFile() {
  Attributes file{.inode = InodeNumber(77)};
  file.mode = S_IFREG | 04751;
  file.uid = 1000;
  file.gid = 100;
  file.links = 3;
  file.generation = 0;
  file.size_bytes = 123456;
  file.mtime_ns = 1'700'000'000'000'000'001;
  file.ctime_ns = file.mtime_ns + 7;
  file.atime_ns = file.mtime_ns - 9;
  file.btime_ns = -5;
  file.has_xattrs = true;
  return file;
}

Attributes SomeDirectory() {
  Attributes directory = SomeFile();
  directory.mode = S_IFDIR | 0755;
  directory.parent = InodeNumber(2);
  directory.has_xattrs = false;
  return directory;
}

void ExpectSame(const Attributes& left, const Attributes& right) {
  EXPECT_EQ(left.inode, right.inode);
  EXPECT_EQ(left.parent, right.parent);
  EXPECT_EQ(left.generation, right.generation);
  EXPECT_EQ(left.mode, right.mode);
  EXPECT_EQ(left.uid, right.uid);
  EXPECT_EQ(left.gid, right.gid);
  EXPECT_EQ(left.links, right.links);
  EXPECT_EQ(left.device, right.device);
  EXPECT_EQ(left.size_bytes, right.size_bytes);
  EXPECT_EQ(left.atime_ns, right.atime_ns);
  EXPECT_EQ(left.mtime_ns, right.mtime_ns);
  EXPECT_EQ(left.ctime_ns, right.ctime_ns);
  EXPECT_EQ(left.btime_ns, right.btime_ns);
  EXPECT_EQ(left.uncleared_tail, right.uncleared_tail);
  EXPECT_EQ(left.has_xattrs, right.has_xattrs);
  EXPECT_EQ(left.quota, right.quota);
  EXPECT_EQ(left.more_stored_bytes, right.more_stored_bytes);
  EXPECT_EQ(left.set_aside_bytes, right.set_aside_bytes);
  EXPECT_EQ(left.set_aside_end, right.set_aside_end);
}

void ExpectRoundTrip(const Attributes& attributes) {
  const Result<Attributes> read = DecodeAttributes(attributes.inode, EncodeAttributes(attributes));
  ASSERT_TRUE(read.ok()) << read.status().ToString();
  ExpectSame(attributes, *read);
}

TEST(InodeFormatTest, AttributesReadBackWhole) {
  ExpectRoundTrip(SomeFile());
  ExpectRoundTrip(SomeDirectory());
  Attributes device = SomeFile();
  device.mode = S_IFBLK | 0600;
  device.device = 0x12345678ABCDEF;
  device.uncleared_tail = true;
  ExpectRoundTrip(device);
}

TEST(InodeFormatTest, ExtremesReadBackWhole) {
  Attributes file = SomeFile();
  file.uid = file.gid = file.generation = UINT32_MAX;
  file.links = kLinksMax;
  file.size_bytes = kFileBytesMax;
  file.mtime_ns = INT64_MAX;
  file.ctime_ns = INT64_MIN;
  file.atime_ns = 0;
  file.btime_ns = -1;
  ExpectRoundTrip(file);
}

// Written down from docs/formats/tree.md, not from the encoder.
TEST(InodeFormatTest, GoldenBytesStayAsTheyAre) {
  const std::string_view file = "0102e99302e807640300c0c40701002a36fe9c97170e118b80d0e2c6bfce972f";
  EXPECT_EQ(ToHex(EncodeAttributes(SomeFile())), file);
  EXPECT_EQ(ToHex(EncodeDentry({InodeNumber(300), S_IFLNK})), "010aac02");
  EXPECT_EQ(ToHex(EncodeExtent("abc")), "010103616263");
}

TEST(InodeFormatTest, GoldenBytesOfASparseFileAndOfOneWithRoomSetAside) {
  const std::string plain = ToHex(EncodeAttributes(SomeFile()));
  Attributes sparse = SomeFile();
  sparse.more_stored_bytes = -100'000;
  std::string wanted = plain + "bf9a0c";
  wanted.replace(2, 2, "0a");
  EXPECT_EQ(ToHex(EncodeAttributes(sparse)), wanted);
  ExpectRoundTrip(sparse);
  Attributes roomy = SomeFile();
  roomy.more_stored_bytes = 200;
  roomy.set_aside_bytes = 300;
  roomy.set_aside_end = 123'656;
  wanted = plain + "9003" + "ac02" + "88c607";
  wanted.replace(2, 2, "1a");
  EXPECT_EQ(ToHex(EncodeAttributes(roomy)), wanted);
  ExpectRoundTrip(roomy);
  sparse.more_stored_bytes = INT64_MIN + 1;
  sparse.size_bytes = kFileBytesMax;
  ExpectRoundTrip(sparse);
}

TEST(InodeFormatTest, ImpossibleSpaceIsCorruption) {
  const auto code = [](const std::string& tail, char flags) {
    std::string bytes = EncodeAttributes(SomeFile()) + tail;
    bytes[1] = flags;
    return DecodeAttributes(InodeNumber(77), bytes).status().code();
  };
  EXPECT_EQ(code(std::string(1, '\0'), 2 + 8), Code::kCorruption) << "no difference at all";
  EXPECT_EQ(code("\x02", 2 + 8), Code::kCorruption) << "more than the size, nothing set aside";
  EXPECT_EQ(code("\x81\x89\x0f", 2 + 8), Code::kCorruption) << "less than nothing";
  EXPECT_EQ(code(std::string("\0\5", 2), 2 + 16), Code::kCorruption) << "nothing set aside";
  EXPECT_EQ(code("\x06\x05", 2 + 16), Code::kCorruption) << "more than there is before its end";
  EXPECT_EQ(code("\x05\x06", 2 + 16), Code::kOk);
  EXPECT_EQ(code("\x05\x06", 2 + 32), Code::kCorruption) << "an unknown flag";
}

TEST(InodeFormatTest, NewerVersionIsRefusedAsUnsupported) {
  for (const std::string& good :
       {EncodeAttributes(SomeFile()), EncodeDentry({InodeNumber(9), S_IFDIR}), EncodeExtent("x")}) {
    std::string newer = good;
    newer[0] = 9;
    EXPECT_EQ(DecodeAttributes(InodeNumber(1), newer).status().code(), Code::kUnsupported);
    EXPECT_EQ(DecodeDentry(newer).status().code(), Code::kUnsupported);
    EXPECT_EQ(DecodeExtent(newer).status().code(), Code::kUnsupported);
  }
}

TEST(InodeFormatTest, EveryCutAndEveryTailIsCorruption) {
  const std::string file = EncodeAttributes(SomeFile());
  const std::string dentry = EncodeDentry({InodeNumber(300), S_IFLNK});
  const std::string extent = EncodeExtent("some bytes");
  for (size_t size = 0; size < file.size(); ++size) {
    EXPECT_EQ(DecodeAttributes(InodeNumber(1), file.substr(0, size)).status().code(),
              Code::kCorruption);
  }
  for (size_t size = 0; size < dentry.size(); ++size) {
    EXPECT_EQ(DecodeDentry(dentry.substr(0, size)).status().code(), Code::kCorruption);
  }
  for (size_t size = 0; size < extent.size(); ++size) {
    EXPECT_EQ(DecodeExtent(extent.substr(0, size)).status().code(), Code::kCorruption);
  }
  EXPECT_FALSE(DecodeAttributes(InodeNumber(1), file + 'x').ok());
  EXPECT_FALSE(DecodeDentry(dentry + 'x').ok());
  EXPECT_FALSE(DecodeExtent(extent + 'x').ok());
}

TEST(InodeFormatTest, ReservedBitsAndUnknownTypesAreCorruption) {
  std::string file = EncodeAttributes(SomeFile());
  file[1] = static_cast<char>(file[1] | 4);
  EXPECT_EQ(DecodeAttributes(InodeNumber(1), file).status().code(), Code::kCorruption);

  std::string dentry = EncodeDentry({InodeNumber(300), S_IFLNK});
  dentry[1] = 3;
  EXPECT_EQ(DecodeDentry(dentry).status().code(), Code::kCorruption);
  EXPECT_EQ(DecodeDentry(std::string("\x01\x08\x00", 3)).status().code(), Code::kCorruption);

  std::string extent = EncodeExtent("x");
  extent[1] = 9;
  EXPECT_EQ(DecodeExtent(extent).status().code(), Code::kCorruption);
}

TEST(InodeFormatTest, AnExtentIsNeitherEmptyNorTooLong) {
  EXPECT_FALSE(DecodeExtent(std::string("\x01\x01\x00", 3)).ok());
  const std::string longest(kExtentBytesMax, 'x');
  EXPECT_TRUE(DecodeExtent(EncodeExtent(longest)).ok());
  std::string longer("\x01\x01\x81\x80\x08", 5);
  longer += longest + 'x';
  EXPECT_EQ(DecodeExtent(longer).status().code(), Code::kCorruption);
}

}  // namespace
}  // namespace mendfs
