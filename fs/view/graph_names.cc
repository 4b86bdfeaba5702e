#include "fs/view/graph_names.h"

#include <charconv>
#include <vector>

namespace mendfs {
namespace {

size_t CountParts(std::string_view name) {
  size_t count = 1;
  for (char c : name) count += c == '~';
  return count;
}

// Appends the components of `path`, with "." dropped and ".." taken back; false above the top.
bool Walk(std::vector<std::string_view>& components, std::string_view path) {
  while (!path.empty()) {
    size_t slash = path.find('/');
    std::string_view component = path.substr(0, slash);
    path = slash == path.npos ? std::string_view() : path.substr(slash + 1);
    if (component.empty() || component == ".") continue;
    if (component != "..") {
      components.push_back(component);
    } else if (components.empty()) {
      return false;
    } else {
      components.pop_back();
    }
  }
  return true;
}

}  // namespace

Result<std::string> EncodeEndName(std::string_view key, size_t part_count, uint32_t n) {
  MENDFS_ASSIGN_OR_RETURN(std::string name,
                          NodeNameOfKey(key, part_count, RowNameForm::kDirectory));
  if (n > 1) name += "~" + std::to_string(n);
  if (name.size() > kFileNameBytesMax) {
    return Status(Code::kOverflow, "graph: edge number " + std::to_string(n) + " to \"" +
                                       std::string(key) + "\" has no name of 255 bytes");
  }
  return name;
}

Result<EndName> DecodeEndName(std::string_view name, size_t part_count) {
  EndName end;
  end.directory = name;
  size_t expected = name.starts_with("%h") ? 1 : part_count;
  if (CountParts(name) == expected + 1) {
    size_t mark = name.rfind('~');
    std::string_view digits = name.substr(mark + 1);
    auto [rest, error] = std::from_chars(digits.data(), digits.data() + digits.size(), end.n);
    if (error != std::errc() || rest != digits.data() + digits.size() || end.n < 2 ||
        digits.front() == '0') {
      return Status(Code::kInvalid, "graph name \"" + std::string(name) +
                                        "\": behind the last ~ stands the number of a parallel "
                                        "edge, 2 or more");
    }
    end.directory = name.substr(0, mark);
  }
  MENDFS_ASSIGN_OR_RETURN(end.node,
                          DecodeNodeName(end.directory, part_count, RowNameForm::kDirectory));
  return end;
}

std::optional<LinkTarget> ResolveLink(std::string_view from, std::string_view target) {
  std::vector<std::string_view> components;
  bool absolute = target.starts_with('/');
  if (!absolute && !Walk(components, from)) return std::nullopt;
  if (!Walk(components, target)) return std::nullopt;
  size_t count = components.size();
  // Where an absolute path enters the mount is not known here; its end is enough.
  if (absolute ? count < 3 : count != 3) return std::nullopt;
  std::string_view plane = components[count - 3];
  std::string_view name = components[count - 1];
  if (plane == "nodes" && name.ends_with(kRowNameSuffix)) {
    name.remove_suffix(kRowNameSuffix.size());
  } else if (plane != "graph") {
    return std::nullopt;
  }
  return LinkTarget{.type = std::string(components[count - 2]), .directory = std::string(name)};
}

}  // namespace mendfs
