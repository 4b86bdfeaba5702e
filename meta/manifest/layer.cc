#include "meta/manifest/layer.h"

#include "meta/codec/bytes.h"
#include "meta/manifest/state_format.h"
#include "meta/manifest/stored_value.h"

namespace mendfs {
namespace {

class WorkingSetLayer : public Layer {
 public:
  WorkingSetLayer(std::shared_ptr<const WorkingSet> set, std::string prefix, Seq seq)
      : set_(std::move(set)), prefix_(std::move(prefix)), seq_(seq), iterator_(*set_) {}

  void Seek(std::string_view key) override {
    iterator_.Seek(prefix_ + std::string(key), kHeadSeq);
    FindVisible({});
  }
  void Next() override {
    const std::string_view done = version_.key;
    iterator_.Next();
    FindVisible(done);
  }
  bool Valid() const override { return valid_; }
  std::string_view key() const override { return version_.key.substr(prefix_.size()); }
  std::string_view value() const override { return version_.value; }
  Seq start() const override { return version_.seq; }
  bool whiteout() const override { return version_.whiteout; }
  Status status() const override { return Status::Ok(); }

 private:
  // The first version from here on that is not too new and not of the key `done`.
  void FindVisible(std::string_view done) {
    for (; iterator_.Valid(); iterator_.Next()) {
      version_ = iterator_.version();
      if (version_.key.substr(0, prefix_.size()) != prefix_) break;
      if (version_.seq > seq_ || (!done.empty() && version_.key == done)) continue;
      valid_ = true;
      return;
    }
    valid_ = false;
  }

  const std::shared_ptr<const WorkingSet> set_;
  const std::string prefix_;
  const Seq seq_;
  WorkingSet::Iterator iterator_;
  WorkingSet::Version version_;
  bool valid_ = false;
};

class CurrentLayer : public Layer {
 public:
  CurrentLayer(std::unique_ptr<KvIterator> iterator, std::string prefix, Seq seq, std::string last)
      : iterator_(std::move(iterator)),
        prefix_(std::move(prefix)),
        seq_(seq),
        last_(std::move(last)) {}

  void Seek(std::string_view key) override {
    iterator_->Seek(prefix_ + std::string(key));
    FindVisible();
  }
  void Next() override {
    iterator_->Next();
    FindVisible();
  }
  bool Valid() const override { return valid_; }
  std::string_view key() const override { return iterator_->key().substr(prefix_.size()); }
  std::string_view value() const override { return value_.payload; }
  Seq start() const override { return value_.start; }
  bool whiteout() const override { return value_.whiteout; }
  Status status() const override { return status_; }

 private:
  void FindVisible() {
    valid_ = false;
    for (; iterator_->Valid(); iterator_->Next()) {
      if (iterator_->key().substr(0, prefix_.size()) != prefix_) return;
      if (!last_.empty() && iterator_->key() >= last_) return;
      auto value = DecodeStoredValue(iterator_->key(), iterator_->value());
      if (!value.ok()) {
        status_ = value.status();
        return;
      }
      value_ = *value;
      if (value_.start > seq_) continue;
      valid_ = true;
      return;
    }
    status_ = iterator_->status();
  }

  const std::unique_ptr<KvIterator> iterator_;
  const std::string prefix_;
  const Seq seq_;
  const std::string last_;
  StoredValue value_;
  bool valid_ = false;
  Status status_;
};

class EarlierLayer : public Layer {
 public:
  EarlierLayer(std::unique_ptr<KvIterator> iterator, std::string prefix, Seq seq)
      : iterator_(std::move(iterator)), prefix_(std::move(prefix)), seq_(seq) {}

  void Seek(std::string_view key) override {
    std::string target = prefix_;
    // PutKeyBytes without its end: every key at or behind `key` sorts at or behind it.
    PutKeyBytes(target, key);
    target.resize(target.size() - 2);
    iterator_->Seek(target);
    FindVisible();
  }
  void Next() override {
    iterator_->Next();
    FindVisible();
  }
  bool Valid() const override { return valid_; }
  std::string_view key() const override { return key_; }
  std::string_view value() const override { return value_.payload; }
  Seq start() const override { return value_.start; }
  bool whiteout() const override { return value_.whiteout; }
  Status status() const override { return status_; }

 private:
  // Validity intervals of one key never overlap, so at most one entry a key is visible.
  void FindVisible() {
    valid_ = false;
    for (; iterator_->Valid(); iterator_->Next()) {
      if (iterator_->key().substr(0, prefix_.size()) != prefix_) return;
      ByteReader in(iterator_->key().substr(prefix_.size()));
      key_ = in.GetKeyBytes();
      const Seq end(in.GetU64BigEndian());
      auto value = DecodeStoredValue(iterator_->key(), iterator_->value());
      if (!in.AtEnd() || !value.ok()) {
        status_ =
            value.ok() ? Status(Code::kCorruption, "history key does not decode") : value.status();
        return;
      }
      value_ = *value;
      if (end <= seq_ || value_.start > seq_) continue;
      valid_ = true;
      return;
    }
    status_ = iterator_->status();
  }

  const std::unique_ptr<KvIterator> iterator_;
  const std::string prefix_;
  const Seq seq_;
  std::string key_;
  StoredValue value_;
  bool valid_ = false;
  Status status_;
};

class MergingCursor : public Cursor {
 public:
  MergingCursor(std::vector<std::unique_ptr<Layer>> layers, KeyRange range)
      : layers_(std::move(layers)), range_(std::move(range)) {
    SeekAll(range_.first);
  }

  bool Valid() const override { return current_ != nullptr; }
  std::string_view key() const override { return current_->key(); }
  std::string_view value() const override { return current_->value(); }
  Seq start() const override { return current_->start(); }
  Status status() const override { return status_; }

  void Next() override {
    SkipKey();
    FindVisible();
  }

  void Seek(std::string_view key) override {
    SeekAll(key < range_.first ? std::string_view(range_.first) : key);
  }

 private:
  void SeekAll(std::string_view key) {
    for (auto& layer : layers_) layer->Seek(key);
    FindVisible();
  }

  // The smaller key; of one key the newer version.
  static bool IsBefore(const Layer& a, const Layer& b) {
    const int order = a.key().compare(b.key());
    return order < 0 || (order == 0 && a.start() > b.start());
  }

  // Moves every layer that stands on the current key.
  void SkipKey() {
    if (layers_.size() == 1) {
      current_->Next();
      return;
    }
    done_.assign(current_->key());
    for (auto& layer : layers_) {
      if (layer->Valid() && layer->key() == done_) layer->Next();
    }
  }

  void FindVisible() {
    while (true) {
      current_ = nullptr;
      for (auto& layer : layers_) {
        if (!layer->status().ok()) {
          // An unreadable layer may hide or hold anything from here on.
          status_ = layer->status();
          current_ = nullptr;
          return;
        }
        if (layer->Valid() && (current_ == nullptr || IsBefore(*layer, *current_))) {
          current_ = layer.get();
        }
      }
      if (current_ == nullptr) return;
      if (!range_.last.empty() && current_->key() >= range_.last) {
        current_ = nullptr;
        return;
      }
      if (!current_->whiteout()) return;
      SkipKey();
    }
  }

  const std::vector<std::unique_ptr<Layer>> layers_;
  const KeyRange range_;
  Layer* current_ = nullptr;
  std::string done_;
  Status status_;
};

class FailedCursor : public Cursor {
 public:
  explicit FailedCursor(Status why) : why_(std::move(why)) {}

  bool Valid() const override { return false; }
  std::string_view key() const override { return {}; }
  std::string_view value() const override { return {}; }
  Seq start() const override { return {}; }
  void Next() override {}
  void Seek(std::string_view) override {}
  Status status() const override { return why_; }

 private:
  const Status why_;
};

}  // namespace

std::unique_ptr<Layer> MakeWorkingSetLayer(std::shared_ptr<const WorkingSet> set,
                                           std::string prefix, Seq seq) {
  return std::make_unique<WorkingSetLayer>(std::move(set), std::move(prefix), seq);
}

std::unique_ptr<Layer> MakeCurrentLayer(std::unique_ptr<KvIterator> iterator, std::string prefix,
                                        Seq seq, std::string last) {
  return std::make_unique<CurrentLayer>(std::move(iterator), std::move(prefix), seq,
                                        std::move(last));
}

std::unique_ptr<Layer> MakeEarlierLayer(std::unique_ptr<KvIterator> iterator, std::string prefix,
                                        Seq seq) {
  return std::make_unique<EarlierLayer>(std::move(iterator), std::move(prefix), seq);
}

std::unique_ptr<Cursor> MakeMergingCursor(std::vector<std::unique_ptr<Layer>> layers,
                                          KeyRange range) {
  return std::make_unique<MergingCursor>(std::move(layers), std::move(range));
}

std::unique_ptr<Cursor> MakeFailedCursor(Status why) {
  return std::make_unique<FailedCursor>(std::move(why));
}

}  // namespace mendfs
