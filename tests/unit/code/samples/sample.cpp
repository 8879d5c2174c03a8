namespace ns { 
/// Doc of C.
template <typename T> class C : public B { public: C(); ~C(); int m() const { return 1; } private: int f_; static const int k = 2; };
}
/// doc
int ns::C<int>::m2(int a) { return 0; }
using X = int; enum class E { A };
auto l = [](int x){ return x; };
