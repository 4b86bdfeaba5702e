#include "fs/ops/plane/directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

namespace mendfs {
namespace {

using testing::ElementsAre;

// Counts how often it is opened; fails at one name when told to.
class CountingSource final : public NameSource {
 public:
  explicit CountingSource(int count) : count_(count) {}
  Result<std::unique_ptr<NameStream>> OpenAt(uint64_t after) override {
    ++opened;
    return std::unique_ptr<NameStream>(
        std::make_unique<Stream>(*this, after < 10 ? 0 : static_cast<int>(after - 9)));
  }
  int opened = 0;
  int fail_at = -1;

 private:
  class Stream final : public NameStream {
   public:
    Stream(CountingSource& source, int next) : source_(source), next_(next) {}
    Result<std::optional<ListedName>> Next() override {
      if (next_ == source_.fail_at) return Status(Code::kCorruption, "unreadable");
      if (next_ >= source_.count_) return std::optional<ListedName>();
      int index = next_++;
      return std::optional(ListedName{.name = "n" + std::to_string(index),
                                      .inode = InodeNumber{100u + index},
                                      .mode_type = S_IFREG,
                                      .cookie = 10u + index});
    }

   private:
    CountingSource& source_;
    int next_;
  };
  const int count_;
};

class Taker final : public NameSink {
 public:
  explicit Taker(size_t room) : room_(room) {}
  bool Add(const ListedName& listed) override {
    if (names.size() == room_) return false;
    names.push_back(listed.name);
    last = listed.cookie;
    return true;
  }
  std::vector<std::string> names;
  uint64_t last = 0;

 private:
  const size_t room_;
};

class DirectoryTest : public testing::Test {
 protected:
  explicit DirectoryTest(int count = 5) : source_(new CountingSource(count)) {
    directory_ = std::make_unique<DirectoryHandle>(
        DirectoryHandle::Ends{.self = InodeNumber{7}, .parent = InodeNumber{1}},
        std::unique_ptr<NameSource>(source_));
  }
  Taker Read(uint64_t after, size_t room = 100) {
    Taker taker(room);
    EXPECT_TRUE(directory_->Read(after, taker).ok());
    return taker;
  }
  CountingSource* source_;
  std::unique_ptr<DirectoryHandle> directory_;
};

TEST_F(DirectoryTest, DotsComeFirst) {
  EXPECT_THAT(Read(0).names, ElementsAre(".", "..", "n0", "n1", "n2", "n3", "n4"));
}

TEST_F(DirectoryTest, ANameThatDidNotFitComesNext) {
  Taker first = Read(0, 3);
  EXPECT_THAT(first.names, ElementsAre(".", "..", "n0"));
  Taker second = Read(first.last, 2);
  EXPECT_THAT(second.names, ElementsAre("n1", "n2"));
  EXPECT_THAT(Read(second.last).names, ElementsAre("n3", "n4"));
  EXPECT_EQ(source_->opened, 1);
}

TEST_F(DirectoryTest, RepliesMayEndBetweenTheDots) {
  Taker dot = Read(0, 1);
  EXPECT_THAT(dot.names, ElementsAre("."));
  Taker dots = Read(dot.last, 1);
  EXPECT_THAT(dots.names, ElementsAre(".."));
  EXPECT_THAT(Read(dots.last, 1).names, ElementsAre("n0"));
}

TEST_F(DirectoryTest, ASeekGoesOnBehindItsCookie) {
  Read(0);
  EXPECT_THAT(Read(11).names, ElementsAre("n2", "n3", "n4"));
  EXPECT_THAT(Read(0, 3).names, ElementsAre(".", "..", "n0"));  // rewinddir
  EXPECT_THAT(Read(14).names, ElementsAre());
}

TEST_F(DirectoryTest, TheSameRequestTwiceGetsTheSameAnswer) {
  Taker first = Read(0, 4);
  EXPECT_THAT(Read(first.last, 1).names, ElementsAre("n2"));
  EXPECT_THAT(Read(first.last, 1).names, ElementsAre("n2"));
}

TEST_F(DirectoryTest, AnIdleStreamIsGivenBackAndReopened) {
  Taker first = Read(0, 4);
  directory_->DropIdleStream(0);  // was used since
  EXPECT_EQ(source_->opened, 1);
  directory_->DropIdleStream(INT64_MAX);
  EXPECT_THAT(Read(first.last).names, ElementsAre("n2", "n3", "n4"));
  EXPECT_EQ(source_->opened, 2);
}

TEST_F(DirectoryTest, AFailureIsNoEnd) {
  source_->fail_at = 2;
  Taker taker(100);
  EXPECT_EQ(directory_->Read(0, taker).code(), Code::kCorruption);
  EXPECT_THAT(taker.names, ElementsAre(".", "..", "n0", "n1"));
  Taker again(100);
  EXPECT_EQ(directory_->Read(taker.last, again).code(), Code::kCorruption);
  source_->fail_at = -1;
  EXPECT_THAT(Read(taker.last).names, ElementsAre("n2", "n3", "n4"));
}

TEST(FixedNamesTest, GoesOnBehindItsCookies) {
  FixedNames names({{"a", InodeNumber{1}, S_IFREG}, {"b", InodeNumber{2}, S_IFREG}});
  auto stream = *names.OpenAt(0);
  ListedName a = **stream->Next();
  EXPECT_EQ(a.name, "a");
  EXPECT_GE(a.cookie, kFirstCookie);
  auto behind = *names.OpenAt(a.cookie);
  ListedName b = **behind->Next();
  EXPECT_EQ(b.name, "b");
  EXPECT_FALSE((*behind->Next()).has_value());
  EXPECT_FALSE((*(*names.OpenAt(b.cookie))->Next()).has_value());
  EXPECT_FALSE((*(*names.OpenAt(UINT64_MAX))->Next()).has_value());
}

}  // namespace
}  // namespace mendfs
