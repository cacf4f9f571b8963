// The table of forms.
#include "forms.h"

namespace vgpu {

Form &Forms::operator[](const char *name) { return forms_[name]; }

Form &Forms::operator[](std::initializer_list<std::string_view> parts) {
  std::string name;
  for (std::string_view part : parts) name += part;
  return forms_[name];
}

const Form *Forms::find(const std::string &name) const {
  const auto it = forms_.find(name);
  return it == forms_.end() ? nullptr : &it->second;
}

const Form *find_form(const std::string &name) {
  static const Forms *forms = [] {
    auto *f = new Forms;
    add_integer_forms(*f);
    add_bit_forms(*f);
    add_float_forms(*f);
    add_approximate_forms(*f);
    add_compare_forms(*f);
    add_convert_forms(*f);
    add_half_forms(*f);
    add_half_convert_forms(*f);
    return f;
  }();
  return forms->find(name);
}

}  // namespace vgpu
